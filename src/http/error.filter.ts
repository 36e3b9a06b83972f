import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { answerTo } from './error-answer.filter.js';

/** What the filter needs of a Fastify reply. */
interface Reply {
  readonly sent: boolean;
  status(code: number): Reply;
  header(name: string, value: string | number): Reply;
  send(body: string): Reply;
}

/** Answers every request whose handling threw, in one shape; what is nobody's fault but ours is logged once, with its stack, and told to nobody. */
@Catch()
export class TocsinErrorFilter implements ExceptionFilter {
  readonly #logger = new Logger('Http');

  catch(exception: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw exception;
    const { method, url } = host.switchToHttp().getRequest<{ method: string; url: string }>();
    const answer = answerTo(exception, url);
    if (answer.unexpected)
      this.#logger.error(`${method} ${url.split('?', 1)[0]} failed`, exception instanceof Error ? exception.stack : String(exception));
    const reply = host.switchToHttp().getResponse<Reply>();
    if (reply.sent) return;
    if (answer.retryAfter !== undefined) reply.header('retry-after', answer.retryAfter);
    reply
      .status(answer.status)
      .header('content-type', 'application/json; charset=utf-8')
      .send(`${JSON.stringify(answer.body)}\n`);
  }
}
