package io.tidegrad.cli.quickstart;

/// What a person sees of a run: on a terminal a small table that is drawn over, elsewhere plain lines.
interface View {
    static View of(Terminal terminal) {
        return terminal.live() ? new LiveView(terminal) : new PlainView(terminal);
    }

    /// A line that stays.
    void line(String text);

    /// Something is under way; called again while it is.
    void doing(String what, double seconds);

    /// What was under way is done.
    void done(String what, double seconds);

    /// The stream runs; called again while it does.
    void progress(Progress progress);

    /// The last progress stays; other lines follow.
    void settle();
}
