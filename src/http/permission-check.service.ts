import { Injectable, type OnModuleInit, RequestMethod } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { Allow } from './allow.decorator.js';

/** Metadata key under which Nest stores the HTTP method of a handler. */
const METHOD = 'method';

/** Refuses to start an application that has a route without a permission. */
@Injectable()
export class PermissionCheck implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  onModuleInit(): void {
    const missing = this.discovery.getControllers().flatMap(({ metatype }) => (metatype ? this.#unprotected(metatype) : []));
    if (missing.length > 0) throw new Error(`routes without a permission: ${missing.join(', ')}`);
  }

  #unprotected(controller: { readonly name: string; readonly prototype?: unknown }): string[] {
    const prototype = controller.prototype as Record<string, (...values: unknown[]) => unknown>;
    return this.scanner
      .getAllMethodNames(prototype)
      .filter((name) => RequestMethod[Reflect.getMetadata(METHOD, prototype[name]!) as number] !== undefined)
      .filter((name) => this.reflector.get(Allow, prototype[name]!) === undefined)
      .map((name) => `${controller.name}.${name}`);
  }
}
