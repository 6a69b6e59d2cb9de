// Watched fields: each beside what it has been, alarm or none, and how much predictions rest on it.

import { el } from './dom.js';
import { count, decimal, percent, UNKNOWN } from './format.js';

const known = value => value !== null && value !== undefined;

// The name in a record, and what people read.
const SIGNALS = [['missing', 'missing'], ['unseen', 'unseen categories'], ['out_of_range', 'out of range'], ['shape', 'another shape'], ['leak', 'it tells the label']];

const alarms = row => SIGNALS.filter(([name]) => row[name]?.lasted > 0);

// A signal beside what it has been. An alarm is told by a word, too: not everybody sees colours.
function level(of, show, before = true) {
  if (!of) return UNKNOWN;
  const now = of.lasted > 0 ? el('strong', { class: 'word bad' }, `${show(of.now)} alarm`) : show(of.now);
  if (!before) return now;
  const been = !known(of.least) || !known(of.most) ? 'nothing before yet'
    : of.least === of.most ? `was ${show(of.most)}` : `was ${show(of.least)} to ${show(of.most)}`;
  return [now, ' ', el('span', { class: 'note' }, been)];
}

const share = of => level(of, value => percent(value, 2));

function contribution(row, most) {
  if (!known(row.contribution)) return UNKNOWN;
  const inner = el('span', { class: 'share' });
  inner.style.width = `${most > 0 ? Math.min(100, (100 * row.contribution) / most) : 0}%`;
  return [el('span', { class: 'meter', 'aria-hidden': 'true' }, inner), ' ', decimal(row.contribution)];
}

function verdict(rows) {
  const ill = rows.filter(row => alarms(row).length > 0);
  if (ill.length === 0) return ['calm', rows.length === 1 ? 'The field is as it has been.' : `All ${count(rows.length)} fields are as they have been.`];
  return ['held bad', ill.length === 1 ? `${ill[0].field} is not what it has been.` : `${count(ill.length)} of ${count(rows.length)} fields are not what they have been.`];
}

// table: makes a table, as panels do
export function watchedFields(rows, table) {
  const [kind, sentence] = verdict(rows);
  const most = Math.max(0, ...rows.map(row => row.contribution ?? 0));
  return [el('p', { class: kind }, sentence),
    table('Fields', [
      ['field', row => el('code', {}, row.field), 'text'],
      ['state', row => alarms(row).length === 0 ? 'as ever' : el('span', { class: 'word bad' },
        alarms(row).map(([name, word]) => `${word} for ${count(row[name].lasted)} events`).join(', ')), 'text'],
      ['missing', row => share(row.missing), 'number'],
      ['unseen, or out of range', row => share(row.unseen ?? row.out_of_range), 'number'],
      ['drift', row => level(row.shape, decimal), 'number'],
      ['median', row => known(row.median) || known(row.median_before)
        ? [decimal(row.median), ' ', el('span', { class: 'note' }, known(row.median_before) ? `was ${decimal(row.median_before)}` : 'nothing before yet')] : UNKNOWN, 'number'],
      ['AUC alone', row => level(row.leak, decimal, false), 'number'],
      ['contribution', row => contribution(row, most), 'ratio'],
    ], rows),
    el('p', { class: 'note' }, 'Shares are since they changed last. Drift is the population stability index of the newest 2,048 events; medians are of numbers as features make them. '
      + 'Contribution is by how much the prediction of an event changes when the field is neutral: the mean of the newest 32 events looked at since the trainer started.')];
}
