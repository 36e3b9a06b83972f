import { type SelfAlarm, SelfAlarmBook } from './self-alarm-book.js';

const RENEW = 100;
const anAlarm = (group = 'detect', summary = 'far behind'): SelfAlarm => ({
  name: 'TocsinConsumerLagHigh',
  severity: 'warning',
  labels: { group },
  summary,
});

describe('self-monitoring alerts', () => {
  let book: SelfAlarmBook;
  beforeEach(() => (book = new SelfAlarmBook(RENEW)));

  /** Takes the alarms that are due and confirms their publication. */
  const tell = (now: number, speaker = true) => {
    const told = book.take(now, speaker);
    book.published(told, now);
    return told.map(({ alarm, ended }) => `${alarm.labels['group']} ${ended === undefined ? 'firing' : 'resolved'}`);
  };

  it('an alert is published once, renewed in time, and resolved when it is absent from the next report', () => {
    expect(book.report('lag', [anAlarm()], 'installation', 0)).toBe(true);
    expect(tell(0)).toEqual(['detect firing']);
    expect(book.report('lag', [anAlarm('detect', 'further behind')], 'installation', 50)).toBe(false);
    expect(tell(RENEW - 1)).toEqual([]);
    expect(book.take(RENEW, true)).toMatchObject([{ since: 0, alarm: { summary: 'further behind' } }]);
    expect(book.report('lag', [], 'installation', 120)).toBe(true);
    expect(tell(130)).toEqual(['detect resolved']);
    expect(tell(10_000)).toEqual([]);
  });

  it('a report is about its reporter only', () => {
    book.report('lag', [anAlarm('detect')], 'installation', 0);
    book.report('degrade', [anAlarm('alert')], 'installation', 0);
    tell(0);
    book.report('lag', [], 'installation', 1);
    expect(tell(1)).toEqual(['detect resolved']);
    expect(book.active()).toEqual([anAlarm('alert')]);
  });

  it('two reporters of the same alarm do not end it for each other', () => {
    book.report('one', [anAlarm()], 'installation', 0);
    book.report('two', [anAlarm()], 'installation', 0);
    tell(0);
    book.report('one', [], 'installation', 1);
    expect(tell(1)).toEqual([]);
    book.report('two', [], 'installation', 2);
    expect(tell(2)).toEqual(['detect resolved']);
  });

  it('an alert that ended before it could be published is never published', () => {
    book.report('lag', [anAlarm()], 'installation', 0);
    book.report('lag', [], 'installation', 1);
    expect(tell(1)).toEqual([]);
  });

  it('while the log does not confirm, the latest state is kept and nothing else', () => {
    book.report('lag', [anAlarm('detect'), anAlarm('alert')], 'installation', 0);
    expect(book.take(0, true)).toHaveLength(2);
    for (let now = 1; now < 1000; now++)
      book.report('lag', now % 2 ? [anAlarm('alert')] : [anAlarm('detect'), anAlarm('alert')], 'installation', now);
    // The first publish may have reached the log, so the end must be published.
    expect(tell(1000)).toEqual(['detect resolved', 'alert firing']);
  });

  it('an alert that recurs while its resolution is in flight is published again', () => {
    book.report('lag', [anAlarm()], 'installation', 0);
    tell(0);
    book.report('lag', [], 'installation', 1);
    const underway = book.take(1, true);
    book.report('lag', [anAlarm()], 'installation', 2);
    book.published(underway, 3);
    expect(tell(3)).toEqual(['detect firing']);
    book.report('lag', [], 'installation', 4);
    expect(tell(4)).toEqual(['detect resolved']);
  });

  it('an alert that all replicas report is published by one of them, an alert of a single replica by that replica', () => {
    book.report('lag', [anAlarm('detect')], 'installation', 0);
    book.report('sources', [anAlarm('source.x')], 'replica', 0);
    expect(tell(0, false)).toEqual(['source.x firing']);
    expect(tell(1, true)).toEqual(['detect firing']);
  });

  it('a replica that loses leadership leaves the resolution to its successor, and reports again when it is leader again', () => {
    book.report('lag', [anAlarm()], 'installation', 0);
    tell(0);
    book.stepDown();
    expect(tell(RENEW, false)).toEqual([]);
    expect(tell(RENEW, true)).toEqual(['detect firing']);
    book.stepDown();
    book.report('lag', [], 'installation', 150);
    expect(tell(150, true)).toEqual([]);
  });

  it('says once that an alarm begins and once that it is over', () => {
    book.report('lag', [anAlarm()], 'installation', 0);
    expect([book.news(true), book.news(true)]).toMatchObject([[{ ended: undefined }], []]);
    tell(0);
    book.report('lag', [], 'installation', 5);
    expect([book.news(true), book.news(true)]).toMatchObject([[{ ended: 5 }], []]);
  });
});
