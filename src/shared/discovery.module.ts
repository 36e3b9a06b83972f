import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Discovery } from './discovery.service.js';

/** Lets a module find the methods that other modules declare with a decorator. */
@Module({ imports: [DiscoveryModule], providers: [Discovery], exports: [Discovery] })
export class DecoratorsModule {}
