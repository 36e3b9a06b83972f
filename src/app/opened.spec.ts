import { opening, whileOpen } from './opened.js';

describe('what was opened', () => {
  const released: string[] = [];
  beforeEach(() => void released.splice(0));
  const failing = (): Promise<never> => Promise.reject(new Error('no'));

  it('stays open after a start that worked, until it is released, last first', async () => {
    const opened = await opening((each) => {
      each.add(() => void released.push('database'));
      each.add(() => void released.push('log'));
      return Promise.resolve(each);
    });
    expect(released).toEqual([]);
    await opened.release();
    await opened.release();
    expect(released).toEqual(['log', 'database']);
  });

  it('is released when a later step fails, and the failure is thrown', async () => {
    const start = opening((opened) => {
      opened.add(() => void released.push('database'));
      opened.add(failing);
      opened.add(() => void released.push('log'));
      return Promise.reject(new Error('the port is taken'));
    });
    await expect(start).rejects.toThrow('the port is taken');
    expect(released).toEqual(['log', 'database']);
  });

  it('is released after work that needs it, whether that works or not', async () => {
    const work = (result: () => Promise<string>): Promise<string> =>
      whileOpen((opened) => {
        opened.add(() => void released.push('database'));
        return result();
      });
    await expect(work(() => Promise.resolve('done'))).resolves.toBe('done');
    await expect(work(failing)).rejects.toThrow('no');
    expect(released).toEqual(['database', 'database']);
  });
});
