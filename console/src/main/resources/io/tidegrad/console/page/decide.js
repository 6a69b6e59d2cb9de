// Decisions from the page: a dialog says what will happen, asks who decides and why, and sends it when it is confirmed.

import { el, fill, text } from './dom.js';
import { count } from './format.js';

// Whether the console makes decisions, and which models there are.
export const desk = { open: false, models: () => [] };

const KINDS = {
  pause: {
    button: 'Pause', question: of => `Pause ${of.model}?`,
    what: () => 'Its trainer stops learning it. Scorers go on with its newest version, and events wait in the log.',
  },
  resume: {
    button: 'Resume', question: of => `Resume ${of.model}?`,
    what: () => 'Its trainer learns on from where it stopped.',
  },
  promote: {
    button: 'Promote', question: of => `Promote ${of.model}?`,
    what: () => 'Scorers of the name answer by this model from now on. The model that answered before goes on learning.',
  },
  rollback: {
    button: 'Roll back', question: of => `Roll ${of.model} back to version ${count(of.version)} of epoch ${of.epoch}?`,
    what: () => 'A new epoch begins with this version: scorers serve it, and its trainer goes on from it. What was learned since is not in it.',
  },
};

// A button for a decision, or null if the console makes none. What is decided is in `of`.
export function button(action, of, label = KINDS[action].button) {
  return desk.open ? el('button', {
    type: 'button', 'data-key': `${action} ${of.model} ${of.epoch ?? ''} ${of.version ?? ''}`, onclick: () => ask(action, of),
  }, label) : null;
}

function field(label, input) {
  return el('label', {}, el('span', { class: 'label' }, label), input);
}

function ask(action, of) {
  const kind = KINDS[action];
  const author = el('input', { type: 'text', required: true, maxlength: 120, autocomplete: 'name', name: 'author' });
  author.value = localStorage.getItem('author') ?? '';
  const reason = el('input', { type: 'text', required: true, maxlength: 500, autocomplete: 'off', name: 'reason' });
  const name = action === 'promote' ? el('select', { name: 'for' },
    desk.models().map(each => el('option', { value: each, selected: each === (of.for ?? of.model) }, each))) : null;
  const place = action === 'rollback' ? el('select', { name: 'resume_at' },
    el('option', { value: 'end' }, 'at the end of the log: what lies between is left out'),
    el('option', { value: 'base' }, 'at the version: what came since is learned again')) : null;
  const answer = el('p', { class: 'answer', role: 'alert' });
  const send = el('button', { type: 'submit', class: 'strong' }, kind.button);
  const cancel = el('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel');
  const inputs = el('div', { class: 'fields' }, name && field('Answers for', name), place && field('Learning goes on', place),
    field('Your name', author), field('Reason', reason));
  const form = el('form', {
    onsubmit: async event => {
      event.preventDefault();
      localStorage.setItem('author', author.value.trim());
      send.disabled = true;
      text(answer, 'Sending…');
      const [done, said] = await decide({
        model: of.model, action, author: author.value, reason: reason.value, ...(name && { for: name.value }),
        ...(place && { epoch: of.epoch, version: of.version, resume_at: place.value }),
      });
      send.disabled = false;
      answer.classList.toggle('bad', !done);
      text(answer, said);
      if (!done) return;
      inputs.hidden = true;
      send.hidden = true;
      text(cancel, 'Close');
      cancel.focus();
    },
  }, el('h2', { id: 'question' }, kind.question(of)), el('p', {}, kind.what()), inputs, answer,
  el('div', { class: 'buttons' }, cancel, send));
  const dialog = el('dialog', { 'aria-labelledby': 'question' }, form);
  const from = document.activeElement?.dataset.key;
  dialog.addEventListener('close', () => {
    dialog.remove();
    // The button may have been made anew meanwhile.
    if (from) [...document.querySelectorAll('[data-key]')].find(each => each.dataset.key === from)?.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  (author.value ? reason : author).focus();
}

// Returns whether it was decided, and what to tell.
async function decide(asked) {
  try {
    const response = await fetch('decisions', {
      method: 'POST', cache: 'no-store', body: JSON.stringify(asked),
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${sessionStorage.getItem('token')}` },
    });
    if (response.status === 401) return [false, 'Not decided: the token is not known any more. Load the page again.'];
    if ([404, 405].includes(response.status)) {
      return [false, 'Not decided: the console that answers now decides nothing. It was started without --decisions.'];
    }
    const said = await response.json();
    if (!response.ok) return [false, `Not decided: ${said.error}`];
    return [true, [`Decided: ${said.action} of ${said.model}${said.what ? `: ${said.what}` : ''}.`,
      said.resume_offset === undefined ? ''
        : `Learning goes on at offset ${count(said.resume_offset)}; ${count(said.skipped)} offsets are left out.`,
      'Trainers and scorers follow by themselves.'].filter(Boolean).join(' ')];
  } catch (failed) {
    return [false, 'The console did not answer. The panel Decisions tells whether it was decided.'];
  }
}
