import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { TocsinError } from '../shared/errors.js';
import type { ConvergeMember } from './converge-member.js';
import { GroupReader, type GroupView } from './group.reader.js';
import { parseGroupQuery, parsePageQuery } from './group-query.js';

@ApiTags('groups')
@Controller('api/v1/groups')
export class ConvergeController {
  constructor(private readonly groups: GroupReader) {}

  @Get()
  @ApiOperation({ summary: 'List alert groups and storms, newest first; open ones by default' })
  @ApiQuery({ name: 'bk_biz_id', required: false })
  @ApiQuery({ name: 'strategy_id', required: false, description: '0: alerts of external senders' })
  @ApiQuery({ name: 'kind', required: false, description: 'group or storm' })
  @ApiQuery({ name: 'state', required: false, description: 'pending, notified, ended; comma-separated' })
  @ApiQuery({ name: 'limit', required: false, description: '1 to 1000, default 50' })
  @ApiQuery({ name: 'cursor', required: false, description: 'next_cursor of the previous page' })
  async list(@Query() query: unknown): Promise<{ groups: readonly GroupView[]; next_cursor: string | null }> {
    const { items, next } = await this.groups.page(parseGroupQuery(query));
    return { groups: items, next_cursor: next };
  }

  @Get(':converge_id')
  @ApiOperation({ summary: 'Get a group with all its alerts, latest first, and the reason for each alert that was not notified' })
  @ApiQuery({ name: 'limit', required: false, description: 'Members: 1 to 1000, default 50' })
  @ApiQuery({ name: 'cursor', required: false, description: 'next_cursor of the previous page' })
  async get(
    @Param('converge_id') id: string,
    @Query() query: unknown,
  ): Promise<GroupView & { members: readonly ConvergeMember[]; next_cursor: string | null }> {
    const page = parsePageQuery(query);
    const group = await this.groups.find(id);
    if (!group) throw new TocsinError('T4004', id);
    const { items, next } = await this.groups.membersOf(id, page);
    return { ...group, members: items, next_cursor: next };
  }
}
