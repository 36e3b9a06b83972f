import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { answerTo } from './error-answer.filter.js';

/** Members of a Fastify reply that the filter uses. */
interface Reply {
  readonly sent: boolean;
  status(code: number): Reply;
  header(name: string, value: string | number): Reply;
  send(body: string): Reply;
}

/** Responds to every failed request in one format. Logs a bug or an outage once, with its stack, which the response does not contain. */
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
