package io.tidegrad.proof;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/// A recording of this JVM by Java Flight Recorder, of events by their names.
public final class FlightRecording implements AutoCloseable {
    private final Recording recording = new Recording();

    public static FlightRecording of(String... events) {
        FlightRecording started = new FlightRecording();
        for (String event : events) {
            started.recording.enable(event);
        }
        started.recording.start();
        return started;
    }

    /// Ends the recording and returns what is in it, by the time at which each ended.
    public List<RecordedEvent> events() {
        recording.stop();
        try {
            Path file = Files.createTempFile("tidegrad", ".jfr");
            try {
                recording.dump(file);
                return RecordingFile.readAllEvents(file).stream()
                        .sorted(Comparator.comparing(RecordedEvent::getEndTime)).toList();
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        recording.close();
    }
}
