// What trainers, joiners and scorers say of themselves on the status topic, and which of them have gone silent.

import { el } from './dom.js';
import { age, bytes, count, time, UNKNOWN } from './format.js';

// Each writes at least every ten seconds.
const SILENT_MILLIS = 25_000;
// A restart may take less.
const NOTICE_MILLIS = 60_000;
const READS_SHOWN = 3;
// Over which a process's pace is taken, and over how much less nothing is said of it.
const PACE_MILLIS = 20_000;
const PACE_LEAST_MILLIS = 5_000;
const ROLES = ['trainer', 'joiner', 'scorer'];

const silence = (process, now) => !process.stopped && now - process.seen_ms > SILENT_MILLIS ? now - process.seen_ms : 0;
export const where = process => process.host ? `${process.host}, ${process.address}` : process.address;

// Returns what people must know of processes, wherever they look. It has no ages, or it would be read out every second.
export const silent = (processes, now) => processes.filter(each => silence(each, now) > NOTICE_MILLIS)
  .map(each => `The ${each.role} at ${where(each)} has been silent since ${time(each.seen_ms)}: it is down, hangs, or can't write to`
    + ' the status topic.');

function state({ process, run }, now) {
  if (process.stopped) return `stopped${process.problem ? `: ${process.problem}` : ''}`;
  const quiet = silence(process, now);
  const told = run ? `${run.state.toLowerCase()}${run.problem ? ` (${run.problem})` : ''}` : 'serving';
  return quiet > 0 ? `silent for ${age(quiet)}, before ${told}` : told;
}

function reads(run) {
  const all = [...run?.reads ?? []].sort((a, b) => (b.end - b.next) - (a.end - a.next));
  const lines = all.slice(0, READS_SHOWN)
    .map(each => el('div', {}, `${each.topic}-${each.partition}: ${count(each.next)} of ${count(each.end)}`));
  return all.length === 0 ? UNKNOWN : all.length > READS_SHOWN ? [...lines, `and ${all.length - READS_SHOWN} that lag less`] : lines;
}

// How fast processes get on with what they read, by what they told of it one time and another.
export class Pace {
  constructor() {
    this.told = new Map(); // by process: [{ millis, parts, next, end }], the oldest first
  }

  // Returns { read, come }, records a second; null as long as too little was told.
  of({ process, run }) {
    const sum = name => run.reads.reduce((total, each) => total + each[name], 0);
    const now = { millis: process.seen_ms, next: sum('next'), end: sum('end'),
      parts: JSON.stringify(run.reads.map(each => [each.topic, each.partition]).sort()) };
    const before = this.told.get(process.process) ?? [];
    const last = before.at(-1);
    const all = last && (last.parts !== now.parts || last.next > now.next || last.millis > now.millis) ? [] : before;
    if (all.at(-1)?.millis !== now.millis) all.push(now);
    while (all.length > 2 && now.millis - all[1].millis >= PACE_MILLIS) all.shift();
    this.told.set(process.process, all);
    const millis = now.millis - all[0].millis;
    return millis < PACE_LEAST_MILLIS ? null
      : { read: 1000 * (now.next - all[0].next) / millis, come: 1000 * (now.end - all[0].end) / millis };
  }
}

// Returns a row for each process and what it runs of this model.
export const rows = (processes, now) => processes
  .flatMap(process => process.role === 'scorer' ? process.serves ? [{ process }] : [] : process.runs.map(run => ({ process, run })))
  .sort((a, b) => ROLES.indexOf(a.process.role) - ROLES.indexOf(b.process.role) || (a.process.process < b.process.process ? -1 : 1))
  .map(row => ({ ...row, state: state(row, now), quiet: silence(row.process, now) > 0 }));

export const COLUMNS = [
  ['process', ({ process, run }) => process.role === 'joiner' ? `joiner of ${run.name}, epoch ${run.epoch}` : process.role, 'text'],
  ['at', ({ process }) => where(process), 'text'],
  ['state', row => row.quiet ? el('strong', { class: 'silent' }, row.state) : row.state, 'text'],
  ['lag', ({ run }) => run && run.lag >= 0 ? count(run.lag) : UNKNOWN, 'number'],
  ['committed', ({ run }) => reads(run), 'text'],
  ['heap', ({ process }) => process.heap_max ? `${bytes(process.heap_used)} of ${bytes(process.heap_max)}` : UNKNOWN, 'number'],
  ['build', ({ process }) => process.build || UNKNOWN, 'text'],
  ['up since', ({ process }) => time(process.started_ms), 'time'],
  ['told', ({ process }) => time(process.seen_ms), 'time'],
];
