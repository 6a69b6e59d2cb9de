package io.tidegrad.replay.backtest;

import io.tidegrad.control.suggestion.EventSample;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.JsonEvents;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventPreparation;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.UndecodableException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// One JSON object a line, read as events of a topic are (`JsonEvents`). Empty lines are passed over.
final class JsonLinesFile extends DataFile {
    private final Path file;
    private final InputStream bytes;
    private final byte[] buffer = new byte[1 << 16];
    private int at;
    private int end;
    private byte[] line = {};
    private long place;

    JsonLinesFile(Path file, InputStream bytes) {
        this.file = file;
        this.bytes = bytes;
    }

    @Override
    public @Nullable List<String> columns() {
        return null;
    }

    @Override
    public Rows rows(ModelSpec spec, EventPreparation preparation) {
        JsonEvents events = new JsonEvents(spec);
        return into -> {
            Event event;
            try {
                event = events.read(line);
            } catch (UndecodableException undecodable) {
                into.reject(Rejection.of(undecodable), null);
                return;
            }
            preparation.prepare(event, into);
        };
    }

    @Override
    Map<String, ?> values() {
        return EventSample.object(line, 0);
    }

    @Override
    public boolean next() {
        try {
            do {
                if (!readLine()) {
                    return false;
                }
                place++;
            } while (isBlank());
            return true;
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private boolean isBlank() {
        for (byte each : line) {
            if (each != ' ' && each != '\t' && each != '\r') {
                return false;
            }
        }
        return true;
    }

    private boolean readLine() throws IOException {
        byte[] before = {};
        while (true) {
            if (at == end) {
                at = 0;
                end = Math.max(0, bytes.read(buffer));
                if (end == 0) {
                    line = before;
                    return before.length > 0;
                }
            }
            int from = at;
            while (at < end && buffer[at] != '\n') {
                at++;
            }
            byte[] all = Arrays.copyOf(before, before.length + at - from);
            System.arraycopy(buffer, from, all, before.length, at - from);
            if (at < end) {
                at++;
                line = all;
                return true;
            }
            before = all;
        }
    }

    @Override
    public long place() {
        return place;
    }

    @Override
    void closeFile() throws IOException {
        bytes.close();
    }
}
