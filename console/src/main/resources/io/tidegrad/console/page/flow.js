// What an event passes until it is served, and which of these stages holds the others up.

import { age, count, short, UNKNOWN } from './format.js';
import { where } from './processes.js';

// After so long without a move while something waits, a stage stands still. Scorers tell of themselves every ten seconds.
const STILL_MILLIS = 20_000;
const RATE_MILLIS = 12_000;

// A stage that is slower than the one before is slow once it needs so long for what waits.
const SLOW_SECONDS = 30;

const isKnown = movement => movement?.moved_ms !== null && movement?.moved_ms !== undefined;
const rate = (movement, now) => now - movement.moved_ms > RATE_MILLIS ? 0 : movement.rate;
const perSecond = value => value === null ? UNKNOWN : `${short(value)}/s`;

const events = value => `${count(value)} ${value === 1 ? 'event' : 'events'}`;

export function quantile(values, share) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

// How many updates there usually are between two versions of one epoch; null if that is not known.
function step(versions) {
  const steps = versions.slice(0, -1).filter((each, i) => each.epoch === versions[i + 1].epoch)
    .map((each, i) => each.version - versions[i + 1].version).filter(each => each > 0);
  return steps.length < 2 ? null : quantile(steps, 0.5);
}

const slower = (come, done, waiting) => come > 1.05 * done && waiting > SLOW_SECONDS * done;

// What holds a stream up where it is joined; null if nothing does. A joiner tells of all that join the stream, so one that is
// silent holds nothing up while another joins.
function joinersHoldUp(joiners) {
  const at = ({ process }) => `joiner at ${where(process)}`;
  const waiting = ({ run }) => run.lag > 0 ? `, ${count(run.lag)} ${run.lag === 1 ? 'record waits' : 'records wait'}` : '';
  const heard = joiners.filter(row => !row.quiet && !row.process.stopped);
  const stuck = heard.find(row => ['STALLED', 'FAILED', 'RETRYING'].includes(row.run.state));
  if (stuck) return { kind: 'bad', note: `${at(stuck)} is ${stuck.run.state.toLowerCase()}${waiting(stuck)}` };
  if (!heard.some(row => row.run.state !== 'STANDBY') && joiners.length > 0) {
    const gone = joiners.find(row => row.quiet) ?? joiners.find(row => row.process.stopped);
    if (gone) return { kind: 'bad', note: `${at(gone)} ${gone.quiet ? 'is silent' : 'has stopped'}, and no other joins` };
  }
  const slow = heard.find(row => row.pace && slower(row.pace.come, row.pace.read, row.run.lag));
  return slow ? { kind: 'warn', note: `slower than events come${waiting(slow)}` } : null;
}

// joiners: of the stream whose examples the model learns, as processes.js makes them, each with its pace
function arrives(said, now, joiners) {
  const held = joinersHoldUp(joiners);
  return held ? { ...comes(said, now), ...held } : comes(said, now);
}

function comes(said, now) {
  if (!isKnown(said.log)) return { kind: 'unknown', value: UNKNOWN, note: 'where the log ends is not known' };
  const come = rate(said.log, now);
  const still = now - said.log.moved_ms > RATE_MILLIS;
  return { kind: come > 0 ? 'good' : 'idle', value: perSecond(come), note: still ? `none for ${age(now - said.log.moved_ms)}` : `offset ${count(said.log.offset)}` };
}

function learns(said, now) {
  if (!isKnown(said.learning)) return { kind: 'unknown', value: UNKNOWN, note: 'neither report nor heartbeat' };
  const learned = rate(said.learning, now);
  const value = perSecond(learned);
  const waiting = said.lag > 0 ? `${events(said.lag)} ${said.lag === 1 ? 'waits' : 'wait'}` : '';
  if (['failed', 'retrying'].includes(said.state)) return { kind: 'bad', value, note: `${said.state}: ${waiting || 'nothing waits'}` };
  if (said.state === 'paused') return { kind: 'idle', value, note: waiting ? `paused, ${waiting}` : 'paused' };
  if (said.lag === null) return { kind: 'unknown', value, note: 'how many events wait is not known' };
  if (said.lag === 0) return { kind: learned > 0 ? 'good' : 'idle', value, note: 'caught up' };
  if (now - said.learning.moved_ms > STILL_MILLIS) {
    return { kind: 'bad', value, note: `stands still for ${age(now - said.learning.moved_ms)}, ${waiting}` };
  }
  const come = isKnown(said.log) ? rate(said.log, now) : null;
  return learned !== null && slower(come, learned, said.lag) ? { kind: 'warn', value, note: `slower than events come, ${waiting}` }
    : { kind: learned === 0 ? 'idle' : 'good', value, note: waiting };
}

function publishes(said, now) {
  const versions = said.versions ?? [];
  const newest = versions[0];
  if (!newest) return { kind: 'idle', value: 'none', note: 'no version is published yet' };
  const value = count(newest.version);
  const old = now - newest.published_ms;
  const held = (said.trainer?.reasons ?? []).find(reason => reason.word === 'held');
  if (held) return { kind: 'bad', value, note: `held by the gate, the last one ${age(old)} ago` };
  const behind = said.progress?.epoch === newest.epoch && said.version !== null ? said.version - newest.version : 0;
  const usual = step(versions);
  const note = `${behind > 0 ? `${count(behind)} updates since, ` : ''}${age(old)} ago`;
  return usual !== null && behind > 3 * usual && old > STILL_MILLIS ? { kind: 'bad', value, note }
    : { kind: behind === 0 && old > STILL_MILLIS ? 'idle' : 'good', value, note };
}

function serves(said, now) {
  const rows = (said.serving ?? []).filter(row => !row.pinned);
  if (rows.length === 0) return { kind: 'idle', value: 'none', note: 'no scorer follows the newest version' };
  const worst = rows.reduce((oldest, row) => (row.version ?? -1) < (oldest.version ?? -1) ? row : oldest);
  const value = worst.version === null ? 'none' : count(worst.version);
  const broken = rows.find(row => row.problem);
  if (broken) return { kind: 'bad', value, note: `${broken.address}: ${broken.problem}` };
  const newest = (said.versions ?? []).find(each => each.epoch === worst.epoch);
  const behind = newest && worst.version !== null ? newest.version - worst.version : 0;
  if (worst.version === null || behind > 0 && now - newest.published_ms > STILL_MILLIS) {
    return { kind: 'bad', value, note: worst.version === null ? `${worst.address} serves no version`
      : `${worst.address} is ${count(behind)} updates behind, the newest version came ${age(now - newest.published_ms)} ago` };
  }
  return { kind: 'good', value, note: `${rows.length === 1 ? '1 scorer' : `${rows.length} scorers`}${behind > 0 ? `, ${count(behind)} updates behind` : ''}` };
}

// Returns [{ name, kind, value, note }]: kind is good, idle, warn, bad or unknown.
export function flow(said, now, joiners) {
  const joins = said.registered?.input_topic?.includes('.examples.');
  return [[joins ? 'Joined' : 'Arrives', arrives], ['Learned', learns], ['Published', publishes], ['Served', serves]]
    .map(([name, of]) => ({ name, ...of(said, now, joiners) }));
}

// Returns the stage that holds the later ones up; undefined if none does.
export const holdUp = stages => stages.find(stage => stage.kind === 'bad') ?? stages.find(stage => stage.kind === 'warn');

// Returns [[what, half of them, 90 % of them, of how many, the newest]], in ms, as far as topics tell it.
export function latencies(said) {
  const versions = (said.versions ?? []).filter(version => version.appended_ms !== null);
  const serving = (said.serving ?? []).filter(row => row.published_ms !== null && !row.pinned);
  const timed = versions.filter(version => version.event_time_ms !== null);
  const rows = [
    [said.registered?.input_topic?.includes('.examples.') ? 'from event time to joined' : 'from event time to the log',
      timed.map(version => version.appended_ms - version.event_time_ms)],
    ['from the log to published', versions.map(version => version.published_ms - version.appended_ms)],
    ['from published to served', serving.map(row => row.since_ms - row.published_ms)],
    ['from the log to served', serving.filter(row => row.appended_ms !== null).map(row => row.since_ms - row.appended_ms)],
  ];
  return rows.filter(([, values]) => values.length > 0)
    .map(([what, values]) => [what, quantile(values, 0.5), quantile(values, 0.9), values.length, values[0]]);
}
