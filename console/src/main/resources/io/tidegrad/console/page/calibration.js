// Whether probabilities mean what they say: what came of them by tenths, and how many there are of each.

import { drawn, el } from './dom.js';
import { decimal, percent, UNKNOWN } from './format.js';

const TENTHS = Array.from({ length: 10 }, (unused, tenth) => tenth);
// The square of the curve within its picture.
const [LEFT, TOP, SIZE] = [44, 16, 200];
const TICKS = [0, 0.25, 0.5, 0.75, 1];

const known = value => value !== null && value !== undefined;
const range = ({ tenth }) => `${(tenth / 10).toFixed(1)} to ${((tenth + 1) / 10).toFixed(1)}`;
const across = share => (LEFT + SIZE * share).toFixed(1);
const up = share => (TOP + SIZE * (1 - share)).toFixed(1);

// By tenth the share of predictions, their mean, and the mean label; the last two only where it has a label.
const tenths = window => TENTHS.map(tenth => ({
  tenth, share: window[`predictions_tenth_${tenth}`], predicted: window[`mean_prediction_tenth_${tenth}`],
  came: window[`mean_label_tenth_${tenth}`],
}));

function grid(words) {
  const label = (x, y, text, attributes) => drawn('text', { x, y, ...attributes }, text);
  return [
    ...TICKS.flatMap(tick => [
      drawn('line', { class: 'grid', x1: across(tick), x2: across(tick), y1: up(0), y2: up(1) }),
      drawn('line', { class: 'grid', x1: across(0), x2: across(1), y1: up(tick), y2: up(tick) }),
      label(across(tick), TOP + SIZE + 15, String(tick), { 'text-anchor': 'middle' }),
      label(LEFT - 6, Number(up(tick)) + 4, String(tick), { 'text-anchor': 'end' }),
    ]),
    drawn('line', { class: 'perfect', x1: across(0), y1: up(0), x2: across(1), y2: up(1) }),
    label(across(0.5), TOP + SIZE + 32, words.mean_prediction, { 'text-anchor': 'middle' }),
    label(-up(0.5), 10, words.mean_label, { 'text-anchor': 'middle', transform: 'rotate(-90)' }),
  ];
}

// A dot's area grows with its tenth's share of predictions, and so does how much it covers.
function curve(points, words) {
  const most = Math.max(...points.map(each => each.share));
  const said = points.map(each => `predicted ${decimal(each.predicted, 3)}, came ${decimal(each.came, 3)}, ${percent(each.share)} of predictions`);
  return drawn('svg', {
    viewBox: `0 0 ${LEFT + SIZE + 16} ${TOP + SIZE + 40}`, role: 'img', 'aria-label': `Reliability curve by tenths. ${said.join('; ')}.`,
  }, grid(words),
  drawn('polyline', { class: 'curve', points: points.map(each => `${across(each.predicted)},${up(each.came)}`).join(' ') }),
  points.map((each, i) => drawn('circle', {
    cx: across(each.predicted), cy: up(each.came), r: (2.5 + 9.5 * Math.sqrt(each.share)).toFixed(1),
    'fill-opacity': (0.25 + 0.55 * each.share / most).toFixed(2),
  }, drawn('title', {}, `${range(each)}: ${said[i]}`))));
}

function histogram(all) {
  const most = Math.max(...all.map(each => each.share ?? 0), 1e-9);
  return el('ol', { class: 'histogram' }, all.map(each => {
    const bar = el('span', { class: 'bar' });
    bar.style.height = `${(100 * (each.share ?? 0)) / most}%`;
    return el('li', { title: `${range(each)}: ${percent(each.share)}` },
      el('span', { class: 'column' }, bar), el('span', { class: 'tick' }, (each.tenth / 10).toFixed(1)),
      el('span', { class: 'unseen' }, ` to ${((each.tenth + 1) / 10).toFixed(1)}: ${percent(each.share)}`));
  }));
}

export const hasTenths = window => tenths(window).some(each => known(each.share));

// words: what mean prediction and mean label are called; table: makes a table, as panels do; open: whether it is open
export function calibration(window, words, table, open) {
  const all = tenths(window);
  const points = all.filter(each => known(each.predicted) && known(each.came));
  const difference = each => known(each.came) ? decimal(Math.round(1e4 * (each.predicted - each.came)) / 1e4 + 0) : UNKNOWN;
  return [el('div', { class: 'halves' },
    el('div', { class: 'half' }, el('h3', {}, 'Reliability'), points.length === 0
      ? el('p', { class: 'unknown' }, 'Not known: this trainer does not tell labels by tenth. A newer build does.')
      : [curve(points, words), el('p', { class: 'note' }, 'Solid: by tenths, the larger the dot the more predictions. Dashed: perfect.')]),
    el('div', { class: 'half' }, el('h3', {}, 'Shares of predictions'), histogram(all))),
  el('dl', { class: 'measures' },
    [['calibration slope (1 is good)', window.calibration_slope], ['bias (0 is good)', window.calibration_bias],
      ['calibration error', window.calibration_error]]
      .map(([word, value]) => el('div', {}, el('dt', {}, word), el('dd', {}, decimal(value))))),
  points.length === 0 ? null : el('details', { open }, el('summary', { 'data-key': 'tenths' }, 'As a table'), table('Tenths', [
    ['probability', range, 'text'], ['share', each => percent(each.share), 'number'],
    [words.mean_prediction, each => decimal(each.predicted), 'number'], [words.mean_label, each => decimal(each.came), 'number'],
    ['difference', difference, 'number'],
  ], all))];
}
