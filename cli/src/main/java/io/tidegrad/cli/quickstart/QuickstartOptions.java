package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.streams.ShippedStream;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// How to run the quick start.
///
/// @param pace of the producer
/// @param ownPace whether `pace` is the stream's own: only then is freshness held to its bound
/// @param events how many of the stream's events to send, from its beginning
/// @param exit end after the summary instead of waiting for Ctrl-C
/// @param json print the outcome as one line of JSON on standard output, everything else on standard error
/// @param directory new or empty, keeps the run's data; null: temporary
public record QuickstartOptions(ShippedStream stream, Pace pace, boolean ownPace, int events, boolean exit,
        boolean json, @Nullable Path directory) {
    public QuickstartOptions {
        if (events < 1 || events > stream.rows()) {
            throw new IllegalArgumentException("--events expects 1 to " + stream.rows() + " for the stream "
                    + stream.label() + ", found " + events);
        }
    }

    boolean wholeStream() {
        return events == stream.rows();
    }
}
