package io.tidegrad.cli.quickstart;

/// Shows a run to people: on a terminal as a small table that is redrawn, elsewhere as plain lines.
interface View {
    static View of(Terminal terminal) {
        return terminal.live() ? new LiveView(terminal) : new PlainView(terminal);
    }

    /// Shows a line that stays.
    void line(String text);

    /// Shows what is in progress. Called repeatedly.
    void doing(String what, double seconds);

    /// Shows that it is done.
    void done(String what, double seconds);

    /// Shows the running stream. Called repeatedly.
    void progress(Progress progress);

    /// Keeps the last progress, because other lines follow.
    void settle();
}
