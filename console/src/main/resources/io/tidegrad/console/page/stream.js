// Server-sent events by fetch, because an EventSource can't send a token. It connects again by itself.

const SILENT_MILLIS = 25_000;

export class Stream {
  constructor(listener) {
    this.listener = listener;
    this.number = 0;
    this.rests = false;
  }

  open(model) {
    this.model = model;
    this.close();
    if (!this.rests) this.run(++this.number);
  }

  // A browser opens six connections to a site: pages that nobody sees would hold them all. What comes first after a rest has
  // everything.
  rest(rests) {
    if (rests === this.rests) return;
    this.rests = rests;
    if (rests) this.close();
    else this.open(this.model);
  }

  close() {
    this.number++;
    this.abort?.abort();
  }

  async run(number) {
    for (let pause = 500; number === this.number; pause = Math.min(pause * 2, 5_000)) {
      try {
        if (await this.once(number)) pause = 500;
      } catch (failed) {
        // Told below: the server is away.
      }
      if (number !== this.number) return;
      this.listener.away();
      await new Promise(done => setTimeout(done, pause));
    }
  }

  // Returns whether anything came.
  async once(number) {
    const abort = new AbortController();
    this.abort = abort;
    const token = sessionStorage.getItem('token');
    const response = await fetch(`events?model=${encodeURIComponent(this.model)}`, {
      signal: abort.signal, cache: 'no-store', headers: token ? { Authorization: `Bearer ${token}` } : {},
    });
    if (response.status === 401) {
      this.number++;
      this.listener.refused();
      return false;
    }
    if (!response.ok) return false;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = '';
    let first = true;
    for (;;) {
      const silence = setTimeout(() => abort.abort(), SILENT_MILLIS);
      const { done, value } = await reader.read();
      clearTimeout(silence);
      if (done || number !== this.number) return !first;
      buffer += value;
      for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
        const event = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        if (event.startsWith('data: ')) this.listener.news(JSON.parse(event.slice(6)), first);
        else this.listener.alive();
        first = false;
      }
    }
  }
}
