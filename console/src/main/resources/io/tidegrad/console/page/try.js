// A panel to make an event and see what the model answers to it, now and by each version that comes. A scorer is asked by
// way of the console, so the page talks to nobody else.

import { drawn, el, fill, text } from './dom.js';
import { age, count, decimal, percent, UNKNOWN } from './format.js';
import { Drawing } from './draw.js';

// Whether the console asks a scorer.
export const scorer = { known: false };

const APART_MILLIS = 250; // between two questions
const AGAIN_MILLIS = 5_000; // after a question without an answer, or a form without events
const EVENTS_FEW = 100;
const FIELDS_MAX = 40;
const CLASSES_MAX = 12;
const ANSWERS_MAX = 60;
const MINUTE = 60_000;
const DAY_MINUTES = 1_440;

let made = 0; // inputs, for their ids

const known = value => value !== null && value !== undefined;

// A field for people: a label, its inputs, and the value that they mean.
function labelled(name, note, ...inputs) {
  const id = `try-${++made}`;
  inputs[0].id = id;
  return el('div', { class: 'field' }, el('label', { for: id, class: 'label' }, name, note ? el('span', { class: 'unit' }, note) : null),
    el('div', { class: 'inputs' }, inputs));
}

function numberField(of, changed) {
  const guess = !known(of.min);
  let [min, max] = guess ? [0, 100] : [of.min, of.max];
  if (min === max) [min, max] = [min - Math.max(1, Math.abs(min)), max + Math.max(1, Math.abs(max))];
  const step = of.whole ? 1 : 10 ** Math.floor(Math.log10((max - min) / 100));
  const slider = el('input', { type: 'range', min, max, step });
  const box = el('input', { type: 'number', step: 'any', 'aria-label': `${of.name}, as a number` });
  const follow = () => {
    const value = parseFloat(box.value);
    if (!Number.isFinite(value)) return;
    if (value < parseFloat(slider.min)) slider.min = value;
    if (value > parseFloat(slider.max)) slider.max = value;
    slider.value = value;
  };
  slider.addEventListener('input', () => { box.value = slider.value; changed(); });
  box.addEventListener('input', () => { follow(); changed(); });
  return {
    element: labelled(of.name, guess ? '0 to 100 is a guess, as no event tells a range' : `${decimalOf(min)} to ${decimalOf(max)}`, slider, box),
    get: () => box.value === '' ? null : parseFloat(box.value),
    set: value => { box.value = known(value) ? value : ''; follow(); },
    start: Math.round((min + max) / 2 / step) * step,
  };
}

const decimalOf = value => Number.isInteger(value) ? count(value) : decimal(value, 3);

function timeField(of, changed) {
  const box = el('input', { type: 'datetime-local', step: 60 });
  const slider = el('input', { type: 'range', min: 0, max: DAY_MINUTES - 1, step: 5, 'aria-label': `${of.name}, time of the day` });
  const millis = () => box.value === '' ? null : Date.parse(`${box.value}Z`);
  const follow = () => { if (box.value !== '') slider.value = Math.floor(millis() / MINUTE) % DAY_MINUTES; };
  const set = value => {
    box.value = known(value) && Number.isFinite(value) ? new Date(value).toISOString().slice(0, 16) : '';
    follow();
  };
  box.addEventListener('input', () => { follow(); changed(); });
  slider.addEventListener('input', () => {
    const day = Math.floor((millis() ?? Date.now()) / MINUTE / DAY_MINUTES) * DAY_MINUTES;
    set((day + parseInt(slider.value, 10)) * MINUTE);
    changed();
  });
  return {
    element: labelled(of.name, 'UTC', box, slider), get: millis,
    set: value => set(typeof value === 'string' ? Date.parse(value) : value), start: known(of.max) ? of.max : Date.now(),
  };
}

const OTHER = 'other';
const NONE = 'none';

function categoryField(of, changed) {
  const values = of.values ?? [];
  const box = el('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' });
  box.addEventListener('input', changed);
  if (values.length === 0) {
    return {
      element: labelled(of.name, 'text', box), get: () => box.value === '' ? null : box.value,
      set: value => { box.value = value ?? ''; }, start: '',
    };
  }
  box.setAttribute('aria-label', `${of.name}, another value`);
  const choice = el('select', {}, values.map((value, at) => el('option', { value: String(at) }, String(value))),
    el('option', { value: NONE }, '(missing)'), el('option', { value: OTHER }, 'another value…'));
  const show = () => { box.hidden = choice.value !== OTHER; };
  choice.addEventListener('change', () => { show(); changed(); });
  return {
    element: labelled(of.name, null, choice, box),
    get: () => choice.value === OTHER ? box.value : choice.value === NONE ? null : values[Number(choice.value)],
    set: value => {
      const at = values.findIndex(each => String(each) === String(value));
      choice.value = !known(value) ? NONE : at < 0 ? OTHER : String(at);
      if (choice.value === OTHER) box.value = value;
      show();
    },
    start: values[0],
  };
}

function textField(of, changed) {
  const box = el('textarea', { rows: 3, spellcheck: 'false' });
  box.addEventListener('input', changed);
  return {
    element: labelled(of.name, 'text', box), get: () => box.value === '' ? null : box.value, set: value => { box.value = value ?? ''; }, start: '',
  };
}

function listField(of, changed) {
  const box = el('textarea', { rows: 2, spellcheck: 'false' });
  box.addEventListener('input', changed);
  const numbers = of.kind === 'numbers';
  return {
    element: labelled(of.name, `up to ${count(of.count)} ${of.kind}, separated by commas`, box),
    get: () => box.value.trim() === '' ? [] : box.value.split(',').map(each => each.trim())
      .map(each => each === '' ? null : numbers && Number.isFinite(Number(each)) ? Number(each) : each),
    set: value => { box.value = Array.isArray(value) ? value.map(each => each ?? '').join(', ') : ''; }, start: [],
  };
}

function imageField(of, changed, examples) {
  const drawing = new Drawing(of, changed);
  const size = of.width * of.height;
  const flat = value => Array.isArray(value) && value.length === size ? value : null;
  drawing.like(examples.map(each => flat(each.values[of.name])).filter(Boolean));
  return {
    element: el('div', { class: 'field wide' }, el('span', { class: 'label' }, of.name), drawing.element),
    get: () => drawing.value(), set: value => drawing.set(flat(value)), start: null,
  };
}

const KINDS = { number: numberField, time: timeField, category: categoryField, text: textField, numbers: listField, texts: listField, image: imageField };

// A small line through numbers, without axes: the text beside it tells the ends.
function line(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const points = values.map((value, at) =>
    `${(100 * at / (values.length - 1)).toFixed(2)},${(22 - 20 * (most === least ? 0.5 : (value - least) / (most - least))).toFixed(2)}`);
  return drawn('svg', { viewBox: '0 0 100 24', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    drawn('polyline', { points: points.join(' '), 'vector-effect': 'non-scaling-stroke' }));
}

export class TryPanel {
  constructor(model) {
    this.model = model;
    this.controls = new Map(); // by field
    this.base = {}; // values of the event that is changed, also of fields that are not shown
    this.answers = []; // to the question that is asked now, by version
    this.fields = el('div', { class: 'fields' });
    this.from = el('p', { class: 'note', role: 'status' });
    this.another = el('button', { type: 'button', hidden: true, onclick: () => this.example() }, 'Take another event');
    this.said = el('p', { class: 'verdict', role: 'status' });
    this.bars = el('ol', { class: 'bars' });
    this.course = el('div', { class: 'course' });
    this.version = el('p', { class: 'note' });
    this.problem = el('p', { class: 'unknown', role: 'status', hidden: true });
    this.answer = el('div', { class: 'answered', hidden: true }, this.said, this.bars, this.course, this.version);
    this.content = el('div', { class: 'try', hidden: true },
      el('div', { class: 'question' }, this.fields, el('div', { class: 'take' }, this.another, this.from)), this.answer);
    this.element = el('div', {}, this.content, this.problem);
  }

  // key: of the model as it is registered; served: which versions are
  show(key, served) {
    if (!scorer.known) {
      this.tell('This console knows no scorer that it could ask. Start it with ', el('code', {}, '--scorer-url URL'), ' (',
        el('code', {}, 'docs/console.md'), ').');
      return;
    }
    if (key !== this.key) {
      this.key = key;
      this.load();
    } else if (this.form && this.form.events < EVENTS_FEW && Date.now() - this.loadedAt > AGAIN_MILLIS
      && !this.content.contains(document.activeElement)) {
      this.load();
    }
    if (served !== this.served) {
      this.served = served;
      this.ask();
    }
  }

  end() {
    this.ended = true;
    clearTimeout(this.later);
  }

  tell(...words) {
    const key = words.map(each => each.textContent ?? each).join('');
    if (this.told === key) return;
    this.told = key;
    this.problem.hidden = words.length === 0;
    fill(this.problem, words);
  }

  async load() {
    const { key } = this;
    this.loadedAt = Date.now();
    const [form, problem] = await this.send(`try?model=${encodeURIComponent(this.model)}`, {});
    if (this.ended || key !== this.key) return;
    if (!form) {
      this.content.hidden = true;
      this.tell('What this model reads is not known: ', problem);
      this.again(() => this.load());
      return;
    }
    const before = this.form ? this.question() : null;
    const touched = this.touched;
    this.form = form;
    this.make();
    if (before && touched) this.set(before);
    else this.example(0);
  }

  make() {
    const { form } = this;
    const shown = form.fields.slice(0, FIELDS_MAX);
    this.controls = new Map(shown.map(of => [of.name, KINDS[of.kind](of, () => this.change(), form.examples)]));
    fill(this.fields, [...this.controls.values()].map(each => each.element), form.fields.length > shown.length
      ? el('p', { class: 'note' }, `${count(form.fields.length - shown.length)} more fields keep what the event has.`) : null);
    this.another.hidden = form.examples.length < 2;
    this.content.hidden = false;
    this.tell();
  }

  // Shows the values of one of the newest events, or of none.
  example(at = (this.at + 1) % this.form.examples.length) {
    const { form } = this;
    const chosen = form.examples[at];
    this.at = at;
    this.touched = false;
    this.base = chosen ? { ...chosen.values } : {};
    for (const [name, control] of this.controls) control.set(chosen ? chosen.values[name] : control.start);
    text(this.from, chosen ? `An event of the log${known(chosen.label) ? `: ${form.label} is ${chosen.label}` : ''}. Change it.`
      : `No event to begin with: ${form.problem || 'the topic has none yet'}.`);
    this.asked();
  }

  set(values) {
    this.base = values;
    for (const [name, control] of this.controls) control.set(values[name]);
    this.asked();
  }

  change() {
    this.touched = true;
    text(this.from, '');
    this.asked();
  }

  asked() {
    this.answers = [];
    this.ask();
  }

  question() {
    const asked = { ...this.base };
    for (const [name, control] of this.controls) asked[name] = control.get();
    return asked;
  }

  // Asks at once, or as soon as the answer before has come and some time is over: what is asked is what holds then.
  async ask() {
    this.wanted = true;
    if (this.asking || !this.form) return;
    this.asking = true;
    while (this.wanted && !this.ended) {
      this.wanted = false;
      const answers = this.answers;
      const [answer, problem] = await this.send(`try?model=${encodeURIComponent(this.model)}`, {
        method: 'POST', body: JSON.stringify(this.question()), headers: { 'Content-Type': 'application/json' },
      });
      if (this.ended) return;
      if (answer) {
        this.tell();
        if (answers === this.answers) this.take(answer);
      } else {
        this.answer.hidden = true;
        this.tell('No answer: ', problem);
        this.again(() => this.ask());
      }
      await new Promise(done => setTimeout(done, APART_MILLIS));
    }
    this.asking = false;
  }

  again(what) {
    clearTimeout(this.later);
    this.later = setTimeout(() => { if (!this.ended) what(); }, AGAIN_MILLIS);
  }

  // Returns [what was answered, null], or [null, why there is no answer].
  async send(path, options) {
    const token = sessionStorage.getItem('token');
    try {
      const response = await fetch(path, {
        cache: 'no-store', ...options, headers: { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) },
      });
      if (response.status === 401) return [null, 'the token is not known any more. Load the page again.'];
      const said = await response.json().catch(() => ({ error: `the console answered with status ${response.status}.` }));
      return response.ok ? [said, null] : [null, said.error];
    } catch (failed) {
      return [null, 'the console does not answer.'];
    }
  }

  // Numbers with their names, and which of them is the verdict.
  rows({ probabilities, values }, classes) {
    const { form } = this;
    if (probabilities?.length === 1) {
      const yes = known(form.positive) ? `${form.label} is ${form.positive}` : known(form.threshold) ? `${form.label} above ${form.threshold}` : form.label;
      return [[yes, probabilities[0]], [yes === form.label ? `not ${yes}` : 'otherwise', 1 - probabilities[0]]];
    }
    if (probabilities) return probabilities.map((each, at) => [String(classes[at] ?? (classes.length > 0 ? `class ${at}, not named yet` : at)), each]);
    return values.map((each, at) => [values.length === 1 ? form.label : `${form.label}, ${at + 1} of ${values.length}`, each]);
  }

  take(answer) {
    const prediction = answer.predictions[0];
    const classes = answer.classes ?? this.form.classes;
    this.answer.hidden = false;
    text(this.version, `version ${count(answer.version)} of epoch ${answer.epoch}${answer.model === this.model ? '' : ` of ${answer.model}`}`
      + ` · ${answer.freshness_ms === null ? 'freshness not known' : answer.freshness_ms === 0 ? 'caught up' : `${age(answer.freshness_ms)} behind the log`}`);
    if (Array.isArray(prediction.probabilities?.[0])) {
      this.takeSteps(prediction, classes);
      return;
    }
    const rows = this.rows(prediction, classes);
    const ofClasses = Boolean(prediction.probabilities);
    const best = ofClasses && rows.length > 2 ? rows.reduce((top, each, at) => each[1] > rows[top][1] ? at : top, 0) : 0;
    text(this.said, ofClasses && rows.length === 2 ? `${rows[0][0]}: ${percent(rows[0][1])}` : ofClasses ? rows[best][0] : decimalOf(rows[0][1]));
    this.showBars(ofClasses ? rows : rows.length === 1 ? [] : rows, best, ofClasses);
    if (this.answers.at(-1)?.version !== answer.version || this.answers.at(-1)?.epoch !== answer.epoch) {
      this.answers.push({ epoch: answer.epoch, version: answer.version, values: rows.map(row => row[1]) });
      if (this.answers.length > ANSWERS_MAX) this.answers.shift();
    }
    this.showCourse(rows[best][0], this.answers.map(each => each.values[best]).filter(Number.isFinite), ofClasses);
  }

  // Of a label that is a list: the likeliest class of each step.
  takeSteps(prediction, classes) {
    const named = at => String(classes[at] ?? at);
    const steps = prediction.probabilities.map(each => named(each.indexOf(Math.max(...each))));
    text(this.said, (prediction.label ? prediction.label.map(named) : steps).join(' ') || UNKNOWN);
    fill(this.bars);
    fill(this.course);
  }

  showBars(all, best, ofClasses) {
    const rows = all.map((row, at) => [...row, at]);
    if (rows.length > CLASSES_MAX) {
      rows.sort((a, b) => b[1] - a[1]);
      rows.length = CLASSES_MAX;
    }
    if (this.bars.children.length !== rows.length) {
      fill(this.bars, rows.map(() => el('li', {}, el('span', { class: 'name' }), el('span', { class: 'track' }, el('span', { class: 'fill' })),
        el('span', { class: 'share' }))));
    }
    const most = Math.max(...rows.map(([, value]) => Math.abs(value)), 1e-12);
    rows.forEach(([name, value, at], i) => {
      const [label, track, share] = this.bars.children[i].children;
      text(label, name);
      label.title = name;
      track.firstChild.style.width = `${100 * (ofClasses ? value : Math.abs(value) / most)}%`;
      text(share, ofClasses ? percent(value) : decimalOf(value));
      this.bars.children[i].className = at === best ? 'best' : '';
    });
  }

  showCourse(name, values, ofClasses) {
    const show = value => ofClasses ? percent(value) : decimalOf(value);
    fill(this.course, el('p', { class: 'note' }, values.length < 2 ? 'One version has answered this event so far.'
      : `${name}, by ${values.length} versions: from ${show(values[0])} to ${show(values.at(-1))}`), values.length < 2 ? null : line(values));
  }
}
