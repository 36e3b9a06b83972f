import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiQuery } from '@nestjs/swagger';

/** Documents how a request names the business of items that name none, and the token of a declared source. */
export const BusinessParameters = (): MethodDecorator =>
  applyDecorators(
    ApiQuery({ name: 'bk_biz_id', type: String, required: false, description: 'Business of items without a business; default: DEFAULT_BUSINESS' }),
    ApiHeader({ name: 'X-Bk-Biz-Id', required: false, description: 'Same as the query parameter' }),
    ApiHeader({
      name: 'Authorization',
      required: false,
      description: 'Bearer token of a declared source, whose business and rate limit apply',
    }),
  );
