// What verify, replay and chaos found last, and the commands that learn again from a place in the log. Nothing is run here.

import { el } from './dom.js';
import { count, hash, time } from './format.js';

const FIRST_EPOCH = 1; // a replay learns the log from its start, as this epoch did

const versionOf = of => of.epoch === null ? count(of.version) : `${of.epoch}.${of.version}`;

// Returns what is published at the offset that a replay came to; undefined if the topics have nothing of it.
const published = (of, said) => [...said.versions ?? [], ...said.progress ? [said.progress] : []]
  .find(each => each.epoch === FIRST_EPOCH && each.next_offset === of.next_offset);

// Returns [whether it is equal, what it says]; null: nothing was compared.
function outcome(of, said) {
  if (of.command === 'chaos') return [of.equal, `${of.detail}; ${count(of.events)} events, ${count(of.compared)} watermarks compared`];
  if (of.equal === false) return [false, `differs: ${of.detail}`];
  if (of.equal) return [true, `equal at ${count(of.compared)} ${of.compared === 1 ? 'checkpoint' : 'checkpoints'}, version ${versionOf(of)}`];
  const there = published(of, said);
  if (!there) return [null, `version ${versionOf(of)}, with which no topic has anything to compare`];
  return there.weights_hash === of.found ? [true, `equal to what is published, version ${versionOf(of)}`]
    : [false, `differs from what is published at that offset, ${there.weights_hash}`];
}

// Returns what people must know wherever they look at the model: [[word, message]].
export const differences = said => (said.verdicts ?? []).map(of => [of, ...outcome(of, said)]).filter(([, equal]) => equal === false)
  .map(([of, , what]) => [of.command, `${what} (${time(of.time_ms)})`]);

// Returns elements, of which those with data-since show an age.
export function verdicts(said) {
  return (said.verdicts ?? []).map(of => {
    const [equal, what] = outcome(of, said);
    return el('p', { class: `verdict ${equal === null ? 'unknown' : equal ? 'calm' : 'bad'}` },
      el('strong', {}, of.command), ` ${what}`, of.next_offset > 0 ? `; offsets ${count(of.from_offset)} to ${count(of.next_offset - 1)}` : null,
      of.found ? [', hash ', el('code', { title: of.found }, hash(of.found))] : null,
      of.expected && of.expected !== of.found ? [', published ', el('code', { title: of.expected }, hash(of.expected))] : null,
      el('span', { class: 'note' }, ` · ${time(of.time_ms)}, `, el('span', { 'data-since': of.time_ms }), ` ago, on ${of.host} with build ${of.build}, ${of.kernels}`));
  });
}

// Of two models by models compare, which tells the newest verdict about each pair.
export const pairVerdict = of => !of ? ["can't tell yet", ' ', el('span', { class: 'note' }, 'nobody has compared them with --tell')]
  : [of.better ? el('strong', {}, `${of.better} is better`) : "can't tell yet", ' ',
    el('span', { class: 'note' }, `${of.detail} · ${time(of.time_ms)}, offsets ${count(of.from_offset)} to ${count(of.next_offset - 1)}, on ${of.host}`)];

// place: { epoch, version, offset }, of a version or of a point of the charts.
export function commands(model, place, versions) {
  const from = versions.find(each => each.epoch === place.epoch && each.next_offset <= place.offset);
  const rows = [
    from ? [`learns on from the weights of version ${count(from.version)}`, `./tidegrad replay --model ${model} --from snapshot:${from.version}`]
      : [`learns from offset ${count(place.offset)} on, with new weights`, `./tidegrad replay --model ${model} --from ${place.offset}`],
    [`brings back the model as it was before offset ${count(place.offset)}`, `./tidegrad snapshots at --model ${model} --offset ${place.offset}`],
  ];
  return [el('h3', { class: 'under' }, `Replay from here: version ${count(place.version)} of epoch ${place.epoch}, next offset ${count(place.offset)}`),
    ...rows.map(([what, command]) => el('p', { class: 'note' }, el('code', { class: 'command' }, command), ` ${what}.`))];
}
