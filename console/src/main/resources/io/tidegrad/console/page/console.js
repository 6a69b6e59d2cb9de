// The page: the list of models, the choice of one, the theme and the connection.

import { el, fill, text } from './dom.js';
import { count, decimal, short, time } from './format.js';
import { Stream } from './stream.js';
import { recolour } from './chart.js';
import { desk } from './decide.js';
import { scorer } from './try.js';
import { ModelView } from './panels.js';
import { silent } from './processes.js';

const byId = id => document.getElementById(id);
const models = new Map(); // by name: { summary, item }
const { compare } = new Intl.Collator('en', { numeric: true });
let chosen = named();
let view = null;
let denied = []; // topics that the console may not read
let leftOut = 0; // models for which the console has no room
let skew = 0; // what the console's clock is ahead of this one
let streamsDeadLetters = [];
const processes = new Map(); // by id: what each says of itself
let hears = false; // whether the console knows what there is now
let live = 0; // when it did last, by its clock
let waits = false; // for what changed while nobody saw the page: until then nothing on it grows old

// The model that the address names; empty for none.
function named() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch (malformed) {
    return '';
  }
}

// ---------------------------------------------------------------------------------------------------- theme

const THEMES = ['system', 'light', 'dark'];

function applyTheme(theme) {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  text(byId('theme'), `Theme: ${theme}`);
  recolour();
}

let theme = THEMES.includes(localStorage.getItem('theme')) ? localStorage.getItem('theme') : 'system';
byId('theme').addEventListener('click', () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  localStorage.setItem('theme', theme);
  applyTheme(theme);
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => recolour());

// ---------------------------------------------------------------------------------------------------- connection

const stream = new Stream({
  news(said, first) {
    waits = false;
    skew = said.now_ms - Date.now();
    if (first) {
      const there = new Set(said.models.map(model => model.name));
      for (const name of [...models.keys()]) if (!there.has(name)) remove(name);
    }
    said.models.forEach(update);
    said.gone.forEach(remove);
    if (said.all_processes) processes.clear();
    said.processes.forEach(each => processes.set(each.process, each));
    if (said.streams_dead_letters) streamsDeadLetters = said.streams_dead_letters;
    leftOut = said.status.left_out;
    order();
    if (desk.open !== said.decides || scorer.known !== said.tries) { // another console: what it can't do is on no page
      view?.end();
      view = null;
    }
    desk.open = said.decides;
    scorer.known = said.tries;
    denied = Object.keys(said.status.denied);
    connection(said.status);
    if (!chosen && models.size > 0) choose([...models.keys()].sort(compare)[0]);
    else show(said.model, first);
  },
  alive() {
    byId('connection').classList.remove('away');
  },
  away() {
    waits = hears = false;
    byId('connection').classList.add('away');
    text(byId('connection'), `The console does not answer${asOf(live)}. Trying again…`);
  },
  refused() {
    sessionStorage.removeItem('token');
    byId('token-form').hidden = false;
    byId('token').focus();
    text(byId('connection'), 'A token is needed.');
  },
});

function attend(seen) {
  if (stream.rests === !seen) return;
  waits = true;
  hears = false;
  stream.rest(!seen);
}

document.addEventListener('visibilitychange', () => attend(!document.hidden));
addEventListener('pagehide', () => attend(false)); // it may come back as it is now
addEventListener('pageshow', () => attend(!document.hidden));

byId('token-form').addEventListener('submit', event => {
  event.preventDefault();
  sessionStorage.setItem('token', byId('token').value.trim());
  byId('token').value = '';
  byId('token-form').hidden = true;
  stream.open(chosen);
});

// While nothing comes, the page shows old values, which look like new ones unless their time stands beside them.
const asOf = millis => millis ? `; this is of ${time(millis)}` : '';

// Silence and standstill are those of a process only while the console hears of others.
function quietUntil() {
  if (hears) live = Date.now() + skew;
  return live;
}

let problems = '';
let ofStatus = [];
function tellProblems() {
  const told = [...ofStatus, ...silent([...processes.values()], quietUntil())];
  if (problems !== JSON.stringify(told)) {
    problems = JSON.stringify(told);
    fill(byId('problems'), told.map(each => el('p', { class: 'notice' }, each)));
  }
}

function connection(status) {
  const bad = status.problem !== '';
  live = status.as_of_ms ?? live;
  ofStatus = [status.problem, status.left_out_message].filter(Boolean);
  byId('connection').classList.toggle('away', bad);
  hears = status.caught_up && (!bad || Object.keys(status.denied).length > 0);
  tellProblems();
  text(byId('connection'), bad ? Object.keys(status.denied).length > 0 ? 'live, but not all topics can be read'
    : `not live${asOf(status.as_of_ms)}`
    : !status.caught_up ? 'live · still reading what the topics hold'
    : status.unreadable > 0 ? `live · ${count(status.unreadable)} records could not be read` : 'live');
}

// ---------------------------------------------------------------------------------------------------- list of models

function update(summary) {
  let entry = models.get(summary.name);
  if (!entry) {
    entry = { item: item(summary.name) };
    models.set(summary.name, entry);
  }
  entry.summary = summary;
  const { item: { dot, line } } = entry;
  const [kind, why] = condition(summary);
  dot.className = `dot ${kind}`;
  dot.title = why;
  text(line, [why, summary.loss === null || summary.loss === undefined ? null : `loss ${decimal(summary.loss)}`,
    summary.learned === undefined ? null : `${short(summary.learned)} learned`].filter(Boolean).join(' · '));
}

// What a colour means is said in words beside it.
function condition({ state, alarms, lag }) {
  if (state === 'failed') return ['bad', 'failed'];
  if (state === 'retrying') return ['bad', 'retrying'];
  if (alarms > 0) return ['warn', alarms === 1 ? '1 alarm' : `${alarms} alarms`];
  if (state === 'paused') return ['idle', 'paused'];
  if (state === 'unregistered') return ['idle', 'not registered'];
  return ['good', lag === 0 ? 'caught up' : state];
}

function item(name) {
  const dot = el('span', { class: 'dot', 'aria-hidden': 'true' });
  const line = el('span', { class: 'line' });
  const link = el('a', { href: `#${encodeURIComponent(name)}`, class: 'model' }, dot,
    el('span', { class: 'name', title: name }, name), line);
  return { element: el('li', {}, link), link, dot, line };
}

function remove(name) {
  models.get(name)?.item.element.remove();
  models.delete(name);
}

let shown = '';
let inView = '';
function order() {
  const wanted = byId('search').value.trim().toLowerCase();
  const names = [...models.keys()].sort(compare).filter(name => name.toLowerCase().includes(wanted));
  const now = JSON.stringify(names);
  if (now !== shown) {
    shown = now;
    byId('models').replaceChildren(...names.map(name => models.get(name).item.element));
  }
  text(byId('count'), models.size === 0 ? 'No model yet'
    : names.length === models.size ? `${count(models.size)} ${models.size === 1 ? 'model' : 'models'}${leftOut > 0 ? `, ${count(leftOut)} left out` : ''}`
    : `${count(names.length)} of ${count(models.size)} models`);
  for (const [name, { item: { link } }] of models) {
    if (name === chosen) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (inView !== chosen && models.has(chosen)) {
    inView = chosen;
    models.get(chosen).item.link.scrollIntoView({ block: 'nearest' });
  }
}

byId('search').addEventListener('input', order);

// ---------------------------------------------------------------------------------------------------- one model

function choose(name) {
  if (named() !== name) {
    location.replace(`#${encodeURIComponent(name)}`);
    return; // hashchange opens it
  }
  chosen = name;
  view?.end();
  view = null;
  order();
  stream.open(name);
  menu(false);
}

function show(details, first) {
  view?.deny(denied);
  view?.showProcesses([...processes.values()], quietUntil());
  if (!chosen) {
    fill(byId('view'), el('section', { class: 'panel empty' }, el('h2', {}, 'No model yet'),
      el('p', {}, 'Register one: ', el('code', {}, './tidegrad models create --spec FILE'),
        ' or start a trainer with ', el('code', {}, '--spec FILE'), '.')));
    return;
  }
  if (!details) {
    if (first && !view) fill(byId('view'), el('section', { class: 'panel empty' }, el('h2', {}, chosen),
      el('p', {}, 'No topic tells of a model of this name.')));
    view?.tick(Date.now() + skew, quietUntil());
    return;
  }
  if (!view) {
    view = new ModelView(chosen);
    view.deny(denied);
    fill(byId('view'), view.element);
    view.showProcesses([...processes.values()], quietUntil());
  }
  view.show(details, Date.now() + skew, quietUntil(), streamsDeadLetters);
}

addEventListener('hashchange', () => choose(named()));
setInterval(() => {
  if (waits) return;
  tellProblems();
  view?.showProcesses([...processes.values()], quietUntil());
  view?.tick(Date.now() + skew, quietUntil());
}, 1000);

// ---------------------------------------------------------------------------------------------------- keyboard, narrow

function menu(open) {
  document.body.classList.toggle('menu-open', open);
  byId('menu').setAttribute('aria-expanded', String(open));
}

byId('menu').addEventListener('click', () => menu(!document.body.classList.contains('menu-open')));

addEventListener('keydown', event => {
  if (document.querySelector('dialog')) return; // which has keys of its own
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
  if (event.key === '/' && !typing) {
    event.preventDefault();
    menu(true);
    byId('search').focus();
  } else if (event.key === 'Escape' && typing && byId('side').contains(event.target)) {
    byId('search').value = '';
    order();
    byId('main').focus();
    menu(false);
  } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && byId('side').contains(event.target)) {
    event.preventDefault();
    const links = [...byId('models').querySelectorAll('a')];
    const at = links.indexOf(document.activeElement);
    const to = event.key === 'ArrowDown' ? at + 1 : at - 1;
    (to < 0 ? byId('search') : links[Math.min(to, links.length - 1)])?.focus();
  }
});

desk.models = () => [...models.keys()].sort(compare);
applyTheme(theme);
attend(!document.hidden);
stream.open(chosen);
