import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiQuery } from '@nestjs/swagger';

/** Documents how a request names the business of items that name none, and the token of a declared source. */
export const BusinessParameters = (): MethodDecorator =>
  applyDecorators(
    ApiQuery({ name: 'bk_biz_id', required: false, description: 'Business of the items that name none; the setting DEFAULT_BUSINESS otherwise' }),
    ApiHeader({ name: 'X-Bk-Biz-Id', required: false, description: 'The same, as a header' }),
    ApiHeader({
      name: 'Authorization',
      required: false,
      description: 'Bearer and the token of a declared source, whose business and rate then hold',
    }),
  );
