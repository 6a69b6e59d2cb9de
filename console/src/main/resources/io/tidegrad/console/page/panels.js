// The panels of one model. Each says so where the topics don't tell what it would show.

import { el, fill, text } from './dom.js';
import { age, bytes, count, decimal, hash, percent, short, time, UNKNOWN } from './format.js';
import { calibration, hasTenths } from './calibration.js';
import { button, desk } from './decide.js';
import { Chart } from './chart.js';
import { flow, holdUp, latencies } from './flow.js';
import { COLUMNS, Pace, rows as processRows } from './processes.js';
import { commands, differences, pairVerdict, verdicts } from './proof.js';
import { learnerHealth } from './learner.js';
import { watchedFields } from './fields.js';
import { TryPanel } from './try.js';

const POINTS_MAX = 1500;
// Decisions, and what a gate did, on the charts: the word and its colour.
const MARKS = {
  ...Object.fromEntries(['rollback', 'pause', 'resume', 'promote', 'upgrade', 'adopt'].map(word => [word, [word, '--text']])),
  hold: ['held', '--bad'], publish: ['passes', '--good'],
};
const AUC_OF_CHANCE = 0.5;
const MARKS_TOLD = 12;
const VERSIONS_SHOWN = 12;
const COLUMN = {};

const docs = file => el('code', {}, `docs/${file}`);

function panel(title, note, ...content) {
  const id = `panel-${title.toLowerCase().replace(/[^a-z]+/g, '-')}`;
  return el('section', { class: 'panel', 'aria-labelledby': id },
    el('div', { class: 'head' }, el('h2', { id }, title), note && el('p', { class: 'note' }, note)), ...content);
}

// columns: [[heading, of a row, 'number' | 'text' | 'time']]
function table(label, columns, rows) {
  return el('div', { class: 'scroll', role: 'group', tabindex: '0', 'aria-label': label, 'data-key': label },
    el('table', {},
      el('thead', {}, el('tr', {}, columns.map(([heading, , kind]) => el('th', { scope: 'col', class: kind }, heading)))),
      el('tbody', {}, rows.map(row => el('tr', {}, columns.map(([, of, kind]) => el('td', { class: kind }, of(row))))))));
}

class Tile {
  constructor(name, unit) {
    this.value = el('span', { class: 'value' }, UNKNOWN);
    this.note = el('span', { class: 'note' });
    this.element = el('div', { class: 'tile' },
      el('span', { class: 'label' }, name, unit ? el('span', { class: 'unit' }, unit) : null), this.value, this.note);
  }

  show(value, note = '', kind = '') {
    text(this.value, value);
    text(this.note, note);
    this.element.className = `tile ${kind}`;
  }
}

export class ModelView {
  constructor(name) {
    this.name = name;
    this.points = [];
    this.shown = []; // of them, those on the charts
    this.x = 'time';
    this.said = {};
    this.joiners = []; // of the stream that the model learns
    this.pace = new Pace();
    this.denied = [];
    this.make();
  }

  // Topics that the console may not read: what is not known from them is said so.
  deny(topics) {
    if (JSON.stringify(topics) === JSON.stringify(this.denied)) return;
    this.denied = topics;
    this.scorersShown = '';
    this.showLearner();
    this.showProof();
    this.showHealth();
    this.showChanges();
    this.showFields();
    this.showVersions();
    this.showDecisions();
    this.showLetters(true);
  }

  // What stands where a topic tells nothing.
  none(topic, kind, ...words) {
    const denied = this.denied.find(each => each.endsWith(`.${topic}`));
    return el('p', { class: denied ? 'unknown' : kind }, denied ? ['Not known: the console may not read ', el('code', {}, denied), '.'] : words);
  }

  make() {
    this.badge = el('span', { class: 'badge' });
    this.acts = el('div', { class: 'buttons' });
    this.about = el('p', { class: 'note' });
    this.notices = el('div', { class: 'notices', role: 'status' });
    this.tiles = {
      learned: new Tile('Learned', 'events'), rate: new Tile('Rate', 'events/s'), lag: new Tile('Lag', 'events'),
      version: new Tile('Version', 'updates'), served: new Tile('Served', 'version'), dead: new Tile('Dead letters', 'events'),
    };
    const options = { marks: x => this.marks(x), picked: index => this.pick(this.shown[index]) };
    this.loss = new Chart('Loss', [
      { label: 'network', colour: '--model', width: 2 },
      { label: 'linear model', colour: '--linear' },
      { label: 'prior', colour: '--prior' },
      { label: 'network, since the beginning', colour: '--model', dash: [5, 4], width: 1.2 },
    ], options);
    this.auc = new Chart('Ranking', [
      { label: 'AUC', colour: '--model', width: 2 },
      { label: 'linear model', colour: '--linear' },
      { label: 'since the beginning', colour: '--model', dash: [5, 4], width: 1.2 },
      { label: 'chance', colour: '--prior', dash: [2, 4] },
    ], options);
    this.stages = ['Arrives', 'Learned', 'Published', 'Served'].map(() => {
      const stage = { name: el('span', { class: 'label' }), value: el('span', { class: 'value' }), note: el('span', { class: 'note' }) };
      return { ...stage, element: el('li', {}, stage.name, stage.value, stage.note) };
    });
    this.heldUp = el('p', { role: 'status' });
    this.latency = el('div', { class: 'latency' });
    this.picked = el('p', { class: 'picked', role: 'status' });
    this.switch = el('div', { class: 'switch', role: 'group', 'aria-label': 'Horizontal axis' },
      ['time', 'events'].map(x => el('button', {
        type: 'button', 'aria-pressed': String(x === this.x), onclick: () => this.along(x), 'data-x': x,
      }, `over ${x}`)));
    this.markList = el('ul', { class: 'marks', 'aria-label': 'Marks on the charts, the newest first' });
    this.measures = el('dl', { class: 'measures' });
    this.lossTitle = el('h3', {}, 'Loss');
    this.aucPart = el('div', { class: 'half' }, el('h3', {}, 'Ranking (AUC)'), this.auc.element);
    this.quality = panel('Quality', 'Each event is predicted first, then learned. Lines are of the newest 2,000 labels.',
      this.switch, el('div', { class: 'halves' }, el('div', { class: 'half' }, this.lossTitle, this.loss.element), this.aucPart),
      this.markList, this.picked, this.measures);
    this.trying = new TryPanel(this.name);
    this.parts = {};
    for (const part of ['served', 'calibration', 'learner', 'proof', 'health', 'changes', 'fields', 'slices', 'tried', 'processes', 'scorers', 'versions', 'decisions', 'letters', 'spec']) {
      this.parts[part] = el('div', { class: `part ${part}` });
    }
    this.element = el('article', {},
      el('div', { class: 'title' }, el('h1', {}, this.name), this.badge, this.acts), this.about, this.notices,
      el('section', { class: 'tiles', 'aria-label': 'Pulse' }, Object.values(this.tiles).map(tile => tile.element)),
      panel('Flow', 'What an event passes, and how fast. Rates are over ten seconds.', this.heldUp,
        el('ol', { class: 'flow' }, this.stages.map(stage => stage.element)), this.latency),
      this.quality,
      panel('Try it', 'Make an event, and see what a scorer answers, now and by each version that comes.', this.trying.element),
      this.parts.served,
      el('div', { class: 'pair' }, this.parts.calibration, this.parts.learner),
      this.parts.proof,
      this.parts.health, this.parts.changes, this.parts.fields, this.parts.slices, this.parts.tried, this.parts.processes, this.parts.scorers, this.parts.versions, this.parts.letters, this.parts.decisions,
      this.parts.spec);
  }

  end() {
    this.loss.end();
    this.auc.end();
    this.trying.end();
  }

  show(said, now, streamsDeadLetters) {
    const before = this.said;
    this.said = { ...before, ...said };
    this.streamsDeadLetters = streamsDeadLetters;
    said.columns.forEach((column, index) => { COLUMN[column] = index; });
    this.points = said.points_from === 0 ? said.points : this.points.concat(said.points);
    while (this.points.length > POINTS_MAX) {
      const newest = this.points.length - 1;
      this.points = this.points.filter((point, index) => index % 2 === 0 || index === newest);
    }
    this.showAbout();
    this.showQuality();
    this.showServed();
    this.showCalibration();
    this.showLatency();
    this.showLearner();
    this.showProof();
    this.showHealth();
    this.showChanges();
    this.showFields();
    this.showSlices();
    this.showTried();
    if ('versions' in said || 'registered' in said) this.showVersions();
    if ('decisions' in said || !this.parts.decisions.firstChild) this.showDecisions();
    this.showLetters('dead_letters_newest' in said);
    if ('registered' in said) this.showSpec();
    const of = this.said.registered;
    this.trying.show(JSON.stringify([of?.epoch, of?.fingerprint]),
      JSON.stringify([(this.said.serving ?? []).map(row => [row.epoch, row.version]), this.said.versions?.[0]?.version]));
    this.tick(now);
  }

  // What grows old without news.
  tick(now) {
    const { said, tiles } = this;
    tiles.learned.show(count(said.learned), this.came());
    tiles.rate.show(said.time_ms && now - said.time_ms > 20_000 ? '0' : short(said.rate),
      `over 10 s, ${said.time_ms ? `reported ${age(now - said.time_ms)} ago` : 'no report yet'}`);
    tiles.lag.show(count(said.lag), said.lag === 0 ? 'caught up' : said.caught_up === null ? 'no heartbeat' : '');
    const beat = said.heartbeat_ms ? now - said.heartbeat_ms : null;
    tiles.version.show(count(said.version), beat === null ? '' : `heartbeat ${age(beat)} ago`, beat > 10_000 ? 'warn' : '');
    for (const told of this.parts.proof.querySelectorAll('[data-since]')) text(told, age(now - Number(told.dataset.since)));
    this.showScorers(now);
    this.showFlow(now);
    const share = said.learned || said.dead_letters
      ? said.dead_letters / (said.learned + said.dead_letters + (said.progress?.pending ?? 0)) : null;
    const recent = said.trainer?.recent_dead_letter_share;
    tiles.dead.show(count(said.dead_letters), share === null ? ''
      : `${percent(share, 2)} of all${recent === null || recent === undefined ? '' : `, ${percent(recent, 1)} last minute`}`,
    recent >= 0.5 ? 'bad' : '');
  }

  // What of the events that came is not learned.
  came() {
    const { learned, dead_letters: dead, progress } = this.said;
    if (!progress) return 'no report yet';
    return `${count(learned + progress.pending + dead)} came, ${count(progress.pending)} ${progress.pending === 1 ? 'waits' : 'wait'}, `
      + `${count(dead)} dead ${dead === 1 ? 'letter' : 'letters'}`;
  }

  showFlow(now) {
    const stages = flow(this.said, now, this.joiners);
    stages.forEach((stage, i) => {
      const { element, name, value, note } = this.stages[i];
      if (element.className !== stage.kind) element.className = stage.kind;
      text(name, stage.name);
      text(value, stage.value);
      text(note, stage.note);
    });
    const by = holdUp(stages);
    const kind = by ? `held ${by.kind}` : 'calm';
    if (this.heldUp.className !== kind) this.heldUp.className = kind;
    text(this.heldUp, by ? `Held up where it is ${by.name.toLowerCase()}.` : 'Nothing holds it up.');
  }

  showLatency() {
    const rows = latencies(this.said);
    const key = JSON.stringify(rows);
    if (key === this.latencyShown) return;
    this.latencyShown = key;
    fill(this.latency, el('h3', { class: 'under' }, 'Latency of the newest event of each version'),
      el('p', { class: 'note' }, 'When an event was learned no topic tells: published stands for it, as a version is written with what it learned.'), rows.length === 0
      ? el('p', { class: 'unknown' }, 'Not known: no version is published yet.')
      : table('Latency', [
        ['way', ([what]) => what, 'text'], ['half within', ([, half]) => age(half), 'number'], ['90 % within', ([, , most]) => age(most), 'number'],
        ['newest', row => age(row[4]), 'number'], ['of', ([what, , , of]) => `${count(of)} ${what.endsWith('served') ? of === 1 ? 'scorer' : 'scorers' : of === 1 ? 'version' : 'versions'}`, 'number'],
      ], rows));
  }

  showLearner() {
    const of = this.said.progress;
    const rows = of && [['events that wait for their batch to end', count(of.pending)], ['updates', count(this.said.version)],
      ['events in quarantine', count(of.quarantined)], ['reactions to changes', count(of.reactions)],
      ['rate is raised for', of.rate_raised_for > 0 ? `${count(of.rate_raised_for)} examples` : 'no example'],
      ['loss against the linear model', of.window.linear_log_loss === undefined && of.window.linear_mean_squared_error === undefined ? UNKNOWN
        : decimal((of.window.log_loss ?? of.window.mean_squared_error) / (of.window.linear_log_loss ?? of.window.linear_mean_squared_error), 3)],
      ['loss against the prior', of.window.prior_log_loss === undefined ? UNKNOWN : decimal(of.window.log_loss / of.window.prior_log_loss, 3)]];
    fill(this.parts.learner, panel('Learner', 'Below 1 the network is better than what it is compared with.',
      !of ? this.none('progress', 'unknown', 'No report yet.')
        : el('dl', { class: 'measures' }, rows.map(([word, value]) => el('div', {}, el('dt', {}, word), el('dd', {}, value))))));
  }

  showHealth() {
    const of = this.said.progress;
    const key = JSON.stringify([of?.learner, this.denied]);
    if (key === this.healthShown) return;
    this.healthShown = key;
    fill(this.parts.health, panel('Learner’s health', 'What the network is like inside, each time the trainer reports.',
      !of ? this.none('progress', 'unknown', 'No report yet.')
        : !of.learner ? el('p', { class: 'unknown' }, 'Not known: this trainer does not tell it. A newer build does.')
          : learnerHealth(of.learner, table)));
  }

  // What a replay of the log must give.
  showProof() {
    const of = this.said.progress;
    const versions = this.said.versions ?? [];
    const place = this.from ?? (versions[0] && { ...versions[0], offset: versions[0].next_offset });
    const told = verdicts(this.said);
    const key = JSON.stringify([of?.next_offset, of?.weights_hash, of?.state_hash, this.denied, place, told.map(each => each.outerHTML)]);
    if (key === this.proofShown) return;
    this.proofShown = key;
    fill(this.parts.proof, panel('Proof', 'The same spec and log give the same bits, everywhere.',
      !of ? this.none('progress', 'unknown', 'No report yet.')
        : [el('dl', { class: 'measures' }, [['epoch', count(of.epoch)], ['all before offset', count(of.next_offset)]]
          .map(([word, value]) => el('div', {}, el('dt', {}, word), el('dd', {}, value)))),
        ...[['weights-hash', of.weights_hash], ['state-hash', of.state_hash]].filter(([, value]) => value)
          .map(([word, value]) => el('p', { class: 'hash' }, el('span', { class: 'note' }, word), ' ', el('code', {}, value))),
        el('p', { class: 'note' }, el('code', {}, `./tidegrad verify --model ${this.name}`), ' learns the log again and compares; with ', el('code', {}, '--tell'), ' what it finds is shown here.')],
      told.length > 0 ? told : this.none('progress', 'unknown', 'Neither verify, replay nor chaos has told what it found.'),
      place ? commands(this.name, place, versions) : null));
  }

  // place: { epoch, version, offset }
  replayFrom(place) {
    this.from = place;
    this.showProof();
  }

  showAbout() {
    const { said } = this;
    const of = said.registered;
    text(this.badge, said.state);
    this.badge.className = `badge ${{ failed: 'bad', retrying: 'bad', paused: 'idle' }[said.state] ?? ''}`;
    const rests = of?.stage === 'paused';
    const stopped = ['failed', 'retrying'].includes(said.state);
    const acts = JSON.stringify([Boolean(of), rests, stopped]);
    if (acts !== this.acted) {
      this.acted = acts;
      const model = { model: this.name };
      fill(this.acts, of && [rests ? null : button('pause', model), rests || stopped ? button('resume', model) : null,
        button('promote', model)]);
    }
    text(this.about, of ? `learns ${of.input_topic} from offset ${count(of.start_offset)} · epoch ${of.epoch} since ${time(of.created_ms)}`
      + (of.answered_by ? ` · ${of.answered_by} answers for this name` : '') : 'Not registered in the catalog.');
    const notices = [...differences(said), ...(said.trainer?.reasons ?? []).map(reason => [reason.word, reason.message])];
    const key = JSON.stringify(notices);
    if (key !== this.noticed) {
      this.noticed = key;
      fill(this.notices, notices.map(([word, message]) => el('p', { class: 'notice' }, el('strong', {}, word), ' ', message)));
    }
  }

  along(x) {
    this.x = x;
    for (const button of this.switch.children) button.setAttribute('aria-pressed', String(button.dataset.x === x));
    this.showQuality();
  }

  // The course, with x ascending.
  course() {
    const at = this.x === 'time' ? COLUMN.time_ms : COLUMN.learned;
    const epoch = this.points.at(-1)?.[COLUMN.epoch];
    let last = -Infinity;
    return this.points.filter(point => {
      if (this.x === 'events' && point[COLUMN.epoch] !== epoch || !(point[at] > last)) return false;
      last = point[at];
      return true;
    });
  }

  showQuality() {
    const course = this.course();
    const column = name => course.map(point => point[COLUMN[name]]);
    this.shown = course;
    const x = column(this.x === 'time' ? 'time_ms' : 'learned');
    this.loss.show(this.x, [x, column('window_loss'), column('window_linear_loss'), column('window_prior_loss'), column('loss')]);
    const { progress } = this.said;
    const classifies = progress?.classifies ?? true;
    text(this.lossTitle, classifies ? 'Log loss (nats)' : 'Mean squared error (squared units of the label)');
    const ranks = progress?.auc !== null && progress?.auc !== undefined;
    this.aucPart.hidden = !ranks;
    if (ranks) this.auc.show(this.x, [x, column('window_auc'), column('window_linear_auc'), column('auc'), x.map(() => AUC_OF_CHANCE)]);
    const window = progress?.window ?? {};
    const words = {
      log_loss: 'log loss, nats', linear_log_loss: 'linear model', prior_log_loss: 'prior', auc: 'AUC',
      linear_auc: 'AUC of the linear model', average_precision: 'average precision', accuracy: 'accuracy', no_change_accuracy: 'label before',
      normalised_entropy: 'normalised entropy', brier_score: 'Brier score', root_mean_squared_error: 'root mean squared error',
      mean_absolute_error: 'mean absolute error', r_squared: 'R²', ...this.words(),
      labels: 'labels in the window',
    };
    if (this.ofClasses()) delete words.accuracy; // it is the share that was right
    const rows = Object.entries(words).filter(([name]) => window[name] !== undefined);
    fill(this.measures, rows.length === 0
      ? el('div', { class: 'wide' }, el('dd', { class: 'note' }, 'No report of the newest labels yet.'))
      : rows.map(([name, word]) => el('div', {}, el('dt', {}, word),
        el('dd', {}, name === 'labels' ? count(window[name]) : decimal(window[name])))),
    this.ofClasses() ? el('p', { class: 'note wide' }, 'Confidence: mean probability of the likeliest class. Right: share of events whose'
      + ' likeliest class was the label.') : null);
    this.showMarks();
  }

  // Shows where in the log a point of the charts lies.
  pick(point) {
    if (!point) return;
    const of = name => point[COLUMN[name]];
    this.chosen = point;
    text(this.picked, `${time(of('time_ms'))} · version ${count(of('version'))} of epoch ${of('epoch')} · next offset `
      + `${count(of('next_offset'))} · ${count(of('learned'))} events learned`);
    this.replayFrom({ epoch: of('epoch'), version: of('version'), offset: of('next_offset') });
    this.loss.redraw();
    this.auc.redraw();
  }

  // The same marks as words, for those who don't see the charts.
  showMarks() {
    const marks = this.marks(this.x).filter(mark => mark.label).sort((a, b) => b.at - a.at);
    const show = this.x === 'time' ? time : at => `${count(at)} events`;
    const told = marks.slice(0, MARKS_TOLD).map(mark => [mark.label, show(mark.at)]);
    const key = JSON.stringify([told, marks.length]);
    if (key === this.marked) return;
    this.marked = key;
    fill(this.markList, told.map(([label, at]) => el('li', {}, el('strong', {}, label), ` ${at}`)),
      marks.length > told.length ? el('li', {}, `and ${count(marks.length - told.length)} before`) : null);
  }

  // Where something that happened at a time lies on the axis; undefined if it is not on it.
  place(x, millis) {
    return x === 'time' ? millis : this.shown.find(each => each[COLUMN.time_ms] >= millis)?.[COLUMN.learned];
  }

  marks(x) {
    const marks = [];
    if (this.shown.includes(this.chosen)) {
      marks.push({ at: this.chosen[x === 'time' ? COLUMN.time_ms : COLUMN.learned], label: '', colour: '--accent' });
    }
    for (const decision of this.said.decisions ?? []) {
      const at = this.place(x, decision.time_ms);
      const [label, colour] = MARKS[decision.action] ?? [];
      if (label && at !== undefined) marks.push({ at, label, colour });
    }
    let alarms = 0;
    for (const point of this.shown) {
      const now = point[COLUMN.alarms];
      if (now > 0 && alarms === 0) {
        marks.push({ at: point[x === 'time' ? COLUMN.time_ms : COLUMN.learned], label: 'alarm', colour: '--warn' });
      }
      alarms = now;
    }
    return marks;
  }

  showServed() {
    const { said } = this;
    const rows = said.progress?.as_served ?? [];
    const versions = said.progress?.as_served_versions ?? [];
    const window = said.progress?.window ?? {};
    const learned = [{ who: 'at learn time, since the beginning', predictions: said.learned, loss: said.loss, auc: said.progress?.auc },
      { ...window, who: 'at learn time, newest labels', predictions: window.labels, loss: window.log_loss ?? window.mean_squared_error }];
    const word = this.words();
    const columns = [['predictions', row => count(row.predictions), 'number'],
      ['loss', row => decimal(row.loss), 'number'], ['AUC', row => decimal(row.auc), 'number'],
      [word.mean_prediction, row => decimal(row.mean_prediction), 'number'], [word.mean_label, row => decimal(row.mean_label), 'number'],
      ['calibration error', row => decimal(row.calibration_error), 'number']];
    fill(this.parts.served, panel('As served', 'What scorers answered, against the labels that came since.',
      rows.length === 0
        ? el('p', { class: 'unknown' }, 'Not known: no answers of this model are logged. Scorers log them with ',
          el('code', {}, '--log-topic'), ' (', docs('scoring.md'), ').')
        : table('As served', [['measured', row => row.who ?? `as served, ${row.stage}, epoch ${row.epoch}`, 'text'], ...columns], rows.concat(learned)),
      versions.length === 0 ? null : [el('h3', { class: 'under' }, 'As served, by versions'), table('As served, by versions', [
        ['versions', row => `${count(row.from_version)} to ${count(row.to_version)}`, 'text'],
        ['of', row => `${row.stage}, epoch ${row.epoch}`, 'text'], ...columns], versions)],
      this.labels()));
  }

  // Of a model with more than two classes predictions are those of the likeliest class, and labels tell whether it was right:
  // then the two measures have no ranking beside them, and the mean label is the accuracy.
  ofClasses() {
    const window = this.said.progress?.window ?? {};
    return window.accuracy !== undefined && window.auc === undefined && Math.abs(window.accuracy - window.mean_label) < 1e-9;
  }

  words() {
    return this.ofClasses() ? { mean_prediction: 'confidence', mean_label: 'right' }
      : { mean_prediction: 'mean prediction', mean_label: 'mean label' };
  }

  // How labels come, beside how good the answers were.
  labels() {
    const arrival = this.said.progress?.label_arrival ?? {};
    const words = [['labels after, half of them', 'delay_p50', age], ['90 % of them', 'delay_p90', age], ['99 % of them', 'delay_p99', age],
      ['first examples with a label', 'labelled', percent], ['first examples answered by this model', 'answered', percent]];
    return [el('h3', { class: 'under' }, 'How labels come'), Object.keys(arrival).length === 0
      ? el('p', { class: 'unknown' }, 'Not known: the model does not learn from a stream, or no label has come.')
      : el('dl', { class: 'measures' }, words.filter(([, name]) => arrival[name] !== undefined).map(([word, name, show]) =>
        el('div', {}, el('dt', {}, word), el('dd', {}, show === age ? age(1000 * arrival[name]) : show(arrival[name])))))];
  }

  showSlices() {
    const slices = this.said.progress?.slices ?? [];
    const word = this.words();
    const key = JSON.stringify([slices, word]);
    if (key === this.slicesShown) return;
    this.slicesShown = key;
    const classifies = this.said.progress?.classifies ?? true;
    const fields = [...new Set(slices.map(slice => slice.field))];
    fill(this.parts.slices, slices.length === 0 ? null : panel('Slices',
      'The most frequent values of fields: of the newest 10,000 to 20,000 labels, and of all that were measured.',
      fields.flatMap(field => [el('h3', { class: 'under' }, field), table(`Slices by ${field}`, [
        ['value', row => row.value ?? '(missing)', 'text'], ['labels', row => count(row.labels), 'number'],
        ['loss', row => decimal(row.loss), 'number'],
        ...(classifies ? [['prior', row => decimal(row.prior_loss), 'number'], ...(this.ofClasses() ? [] : [['accuracy', row => percent(row.accuracy), 'number']]),
          ['bias (0 is good)', row => decimal(row.calibration_bias), 'number']]
          : [['absolute error', row => decimal(row.mean_absolute_error), 'number']]),
        [word.mean_prediction, row => decimal(row.mean_prediction), 'number'], [word.mean_label, row => decimal(row.mean_label), 'number'],
        ['loss of all', row => decimal(row.loss_of_all), 'number'], ['all labels', row => count(row.labels_of_all), 'number'],
        ['missed at most', row => count(row.missed), 'number'],
      ], slices.filter(slice => slice.field === field))])));
  }

  // Losses of the same examples are on no topic, so which model is better is what models compare told last.
  showTried() {
    const rows = this.said.candidates ?? [];
    const key = JSON.stringify(rows);
    if (key === this.triedShown) return;
    this.triedShown = key;
    fill(this.parts.tried, rows.length === 0 ? null : panel('Shadows and challengers',
      'Models that are tried under this name. Predictions are compared by scorers; the numbers are one scorer’s newest.',
      table('Shadows and challengers', [
        ['model', row => el('a', { href: `#${encodeURIComponent(row.model)}` }, row.model), 'text'],
        ['tried as', row => row.share === null ? row.role : `${row.role} for ${row.share}`, 'text'],
        ...(desk.open ? [['decide', row => button('promote', { model: row.model, for: this.name }), 'text']] : []),
        ['verdict', row => pairVerdict(row.verdict), 'text'],
        ['beside', row => row.beside ?? UNKNOWN, 'text'],
        ['records', row => count(row.records), 'number'],
        ['same class', row => row.agreed === null ? UNKNOWN : percent(row.agreed / row.records), 'number'],
        ['mean difference', row => decimal(row.mean_absolute_difference), 'number'],
        ['greatest', row => decimal(row.greatest_absolute_difference), 'number'],
        ['its mean prediction', row => decimal(row.its_mean_prediction), 'number'],
        ['the other’s', row => decimal(row.mean_prediction), 'number'],
        ['not scored', row => count(row.refused + row.dropped), 'number'],
        ['told', row => time(row.time_ms), 'time'], ['by', row => row.scorer ?? UNKNOWN, 'text'],
      ], rows),
      el('p', { class: 'note' }, 'A verdict needs both models’ losses of the same examples: ',
        el('code', {}, `./tidegrad models compare --model ${rows[0].model} --for ${this.name} --tell`),
        ' learns both again and tells it here (', docs('operations/decide.md'), ').')));
  }

  showCalibration() {
    const window = this.said.progress?.window ?? {};
    const words = this.words();
    const key = JSON.stringify([Boolean(this.said.progress), window, words]);
    if (key === this.calibrationShown) return;
    this.calibrationShown = key;
    const open = this.parts.calibration.querySelector('details')?.open;
    fill(this.parts.calibration, hasTenths(window)
      ? panel('Calibration', 'Of the newest 2,000 labels, by tenths of the probability.', ...calibration(window, words, table, open))
      : panel('Calibration', null, el('p', { class: 'unknown' }, this.said.progress
        ? 'Only a model that predicts probabilities has this, once labels came.' : 'No report yet.')));
  }

  showChanges() {
    const rows = this.said.progress?.changes ?? [];
    fill(this.parts.changes, panel('Alarms', 'Labels, predictions, errors and fields that are not what they have been.',
      !this.said.progress ? this.none('progress', 'unknown', 'No report yet.')
        : rows.length === 0 ? el('p', { class: 'calm' }, 'None: nothing has left its usual range.')
        : table('Alarms', [
          ['signal', row => row.field ? `${row.signal} of ${row.field}` : row.signal, 'text'],
          ['now', row => decimal(row.now), 'number'],
          ['before', row => `${decimal(row.least)} to ${decimal(row.most)}`, 'number'],
          ['lasted', row => `${count(row.lasted)} events`, 'number'], ['what', row => row.message, 'text'],
        ], rows)));
  }

  showFields() {
    const of = this.said.progress;
    const key = JSON.stringify([of?.fields, Boolean(of), this.denied]);
    if (key === this.fieldsShown) return;
    this.fieldsShown = key;
    fill(this.parts.fields, panel('Fields', 'The first 32 fields that features read alone, each beside what it has been over 2,048 events before.',
      !of ? this.none('progress', 'unknown', 'No report yet.')
        : (of.fields ?? []).length === 0 ? el('p', { class: 'unknown' }, 'Not known: this trainer does not tell of fields, or the spec has none that is watched.')
          : watchedFields(of.fields, table)));
  }

  // Silence is a state, too: a process that says nothing stays here for an hour.
  showProcesses(processes, now) {
    const rows = processRows(processes, now);
    this.joiners = rows.filter(({ process }) => process.role === 'joiner').map(row => ({ ...row, pace: this.pace.of(row) }));
    const input = this.said.registered?.input_topic ?? '';
    const missing = [['trainer', 'learns this model'], ...(input.includes('.examples.') ? [['joiner', 'joins its stream']] : [])]
      .filter(([role]) => !rows.some(row => row.process.role === role));
    const [key, part] = [JSON.stringify(rows), this.parts.processes];
    const frame = JSON.stringify([missing, rows.length > 0, this.denied]);
    if (key === this.processesShown && frame === this.processesFrame) return;
    this.processesShown = key;
    const shown = rows.length === 0 ? null : table('Processes', COLUMNS, rows);
    if (frame === this.processesFrame && shown) { // it changes every second: where it is scrolled to stays
      part.querySelector('.scroll').replaceChildren(...shown.childNodes);
      return;
    }
    this.processesFrame = frame;
    fill(part, panel('Processes', 'What each says of itself: at most every second, at least every ten.', shown,
      missing.map(([role, does]) => this.none('status', 'unknown', `No ${role} has told in the last hour that it ${does}.`))));
  }

  showScorers(now) {
    const rows = this.said.serving ?? [];
    const tile = this.tiles.served;
    if (rows.length === 0) tile.show(...this.denied.some(each => each.endsWith('.status')) ? [UNKNOWN, 'the status topic may not be read']
      : ['none', 'no scorer tells that it serves it']);
    else {
      const following = rows.some(row => !row.pinned) ? rows.filter(row => !row.pinned) : rows;
      const worst = following.reduce((oldest, row) => (row.version ?? -1) < (oldest.version ?? -1) ? row : oldest);
      const behind = worst.version === null || this.said.version === null ? null : this.said.version - worst.version;
      const bad = rows.some(row => !row.ready || row.problem);
      tile.show(worst.version === null ? 'no version' : count(worst.version),
        `${rows.length === 1 ? '1 scorer' : `${rows.length} scorers`}${behind === null ? '' : `, ${count(behind)} updates behind`}`
          + (worst.published_ms === null ? '' : `, published ${age(now - worst.published_ms)} ago`),
        bad ? 'warn' : '');
    }
    const key = JSON.stringify([rows, this.said.version]);
    if (key === this.scorersShown) return;
    this.scorersShown = key;
    fill(this.parts.scorers, panel('Scorers', 'What each one serves, as it says itself every ten seconds and at every change.',
      rows.length === 0 ? this.none('status', 'unknown', 'No scorer serves this model.')
        : table('Scorers', [
          ['address', row => row.address, 'text'], ['name asked', row => row.name, 'text'],
          ['epoch', row => count(row.epoch), 'number'], ['version', row => count(row.version), 'number'],
          ['published', row => time(row.published_ms), 'time'],
          ['state', row => row.problem || (row.pinned ? 'pinned' : row.ready ? 'ready' : 'not ready'), 'text'],
          ['told', row => time(row.seen_ms), 'time'],
        ], rows)));
  }

  showVersions() {
    const all = this.said.versions ?? [];
    const rows = this.allVersions ? all : all.slice(0, VERSIONS_SHOWN);
    fill(this.parts.versions, panel('Versions', 'Published and still on the topic, newest first. Loss and AUC are since the beginning.',
      this.lineage(),
      rows.length === 0 ? this.none(`snapshots.${this.name}`, 'unknown', 'No version is published yet.')
        : table('Versions', [
          ['version', row => count(row.version), 'number'], ['epoch', row => count(row.epoch), 'number'],
          ['kind', row => (row.delta ? 'delta' : 'full') + (row.signed ? ', signed' : ''), 'text'],
          ['learned', row => count(row.learned), 'number'], ['next offset', row => count(row.next_offset), 'number'],
          ['loss', row => decimal(row.loss), 'number'], ['prior', row => decimal(row.prior_loss), 'number'],
          ['AUC', row => decimal(row.auc), 'number'], ['size', row => bytes(row.bytes), 'number'],
          ['published', row => time(row.published_ms), 'time'],
          ['weights-hash', row => el('code', { title: row.weights_hash }, hash(row.weights_hash)), 'text'],
          ['replay', row => el('button', {
            type: 'button', 'data-key': `replay ${row.epoch} ${row.version}`, 'aria-label': `from here: version ${row.version}`,
            onclick: () => { this.replayFrom({ epoch: row.epoch, version: row.version, offset: row.next_offset }); this.parts.proof.scrollIntoView(); },
          }, 'from here'), 'text'],
          ...(desk.open ? [['decide', row => button('rollback', { model: this.name, epoch: row.epoch, version: row.version }), 'text']] : []),
        ], rows),
      all.length > VERSIONS_SHOWN && !this.allVersions
        ? el('button', { type: 'button', onclick: () => { this.allVersions = true; this.showVersions(); } },
          `Show all ${all.length}`) : null));
  }

  // Which versions the epoch goes on from; nothing for one that began with new weights.
  lineage() {
    const { registered } = this.said;
    const words = [];
    let epoch = registered?.epoch;
    for (const each of [...registered?.rollbacks ?? []].reverse()) {
      if (each.epoch !== epoch) continue;
      epoch = each.base_epoch;
      words.push(` ← epoch ${epoch} at version ${count(each.base_version)}`);
    }
    return words.length === 0 ? null : el('p', { class: 'note lineage' }, `epoch ${registered.epoch}${words.join('')}`);
  }

  showDecisions() {
    const rows = this.said.decisions ?? [];
    fill(this.parts.decisions, panel('Decisions', null,
      rows.length === 0 ? this.none('control', 'unknown', 'Nothing was decided about this model.')
        : table('Decisions', [
          ['time', row => time(row.time_ms), 'time'], ['decision', row => row.action, 'text'], ['what', row => row.what, 'text'],
          ['author', row => row.author || UNKNOWN, 'text'], ['reason', row => row.reason || UNKNOWN, 'text'],
        ], rows)));
  }

  showLetters(changed) {
    if (!changed && this.lettersOfStreams === this.streamsDeadLetters) return;
    this.lettersOfStreams = this.streamsDeadLetters;
    const own = this.said.dead_letters_newest ?? [];
    const input = this.said.registered?.input_topic ?? '';
    const streams = (this.streamsDeadLetters ?? []).filter(letter => input.includes(`.examples.${letter.stream}.`));
    const rows = own.concat(streams);
    const open = new Set([...this.parts.letters.querySelectorAll('details[open]')].map(each => each.dataset.at));
    fill(this.parts.letters, panel('Dead letters', 'The newest ones, each with its reason. A payload is cut to 2,000 characters.',
      rows.length === 0 ? this.none('dead-letters', 'calm', 'None among the newest.')
        : rows.map(letter => {
          const at = `${letter.topic}-${letter.partition}@${letter.offset}`;
          return el('details', { class: 'letter', 'data-at': at, open: open.has(at) },
            el('summary', {}, el('strong', {}, letter.reason || 'no reason'), el('span', { class: 'note' },
              `${time(letter.time_ms)} · ${letter.topic || UNKNOWN}-${letter.partition || UNKNOWN} offset ${letter.offset || UNKNOWN}`)),
            el('p', {}, letter.detail), el('p', { class: 'note' }, 'Key'), el('pre', {}, letter.key),
            el('p', { class: 'note' }, 'Value'), el('pre', {}, letter.value));
        })));
  }

  showSpec() {
    const of = this.said.registered;
    const open = this.parts.spec.querySelector('details')?.open;
    fill(this.parts.spec, of ? panel('Spec', null,
      el('details', { open }, el('summary', {}, 'As its author wrote it ', el('code', { title: of.fingerprint }, hash(of.fingerprint))), el('pre', {}, of.spec)))
      : null);
  }
}
