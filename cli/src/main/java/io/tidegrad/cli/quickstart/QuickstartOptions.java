package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.streams.ShippedStream;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Options of the quick start.
///
/// @param ownPace whether `pace` is the stream's own: only then is freshness checked
/// @param events number of events to send, from the beginning of the stream
/// @param exit whether it ends after the summary, without waiting for Ctrl-C
/// @param json whether the result is printed as one line of JSON on standard output, and all else on standard error
/// @param directory new or empty directory for the data of the run; null for a temporary one
public record QuickstartOptions(ShippedStream stream, Pace pace, boolean ownPace, int events, boolean exit,
        boolean json, @Nullable Path directory) {
    public QuickstartOptions {
        requireWithin(stream, events);
    }

    /// @throws IllegalArgumentException if the stream does not have so many events
    static void requireWithin(ShippedStream stream, int events) {
        if (events < 1 || events > stream.rows()) {
            throw new IllegalArgumentException("--events: expected 1 to " + stream.rows() + " for the stream "
                    + stream.label() + ", found " + events);
        }
    }

    boolean wholeStream() {
        return events == stream.rows();
    }
}
