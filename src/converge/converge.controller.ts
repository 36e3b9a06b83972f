import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import { TocsinError } from '../shared/errors.js';
import type { ConvergeMember } from './converge-member.js';
import { GroupReader, type GroupView } from './group.reader.js';
import { type GroupQuery, groupQuery, type MemberQuery, memberQuery } from './group-query.js';
import { groupsResponse, membersResponse } from './group-responses.js';

@ApiTags('groups')
@Controller('api/v1/groups')
export class ConvergeController {
  constructor(private readonly groups: GroupReader) {}

  @Get()
  @Endpoint({
    summary: 'List alert groups and storms, newest first; open ones by default',
    permission: 'group:read',
    response: groupsResponse,
  })
  async list(@Query({ schema: groupQuery }) query: GroupQuery): Promise<{ groups: readonly GroupView[]; next_cursor: string | null }> {
    const { items, next_cursor } = await this.groups.page(query);
    return { groups: items, next_cursor };
  }

  @Get(':converge_id')
  @Endpoint({
    summary: 'Get a group with all its alerts, latest first, and the reason for each alert that was not notified',
    permission: 'group:read',
    response: membersResponse,
  })
  async get(
    @Param('converge_id') id: string,
    @Query({ schema: memberQuery }) query: MemberQuery,
  ): Promise<GroupView & { members: readonly ConvergeMember[]; next_cursor: string | null }> {
    const group = await this.groups.find(id);
    if (!group) throw new TocsinError('T4004', id);
    const { items, next_cursor } = await this.groups.membersOf(id, query);
    return { ...group, members: items, next_cursor };
  }
}
