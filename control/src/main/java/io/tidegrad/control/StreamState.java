package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.model.spec.SpecException;
import io.tidegrad.model.stream.StreamSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The state of a stream after all of its control records, in their order.
///
/// @param epochs those that are not deleted, oldest first
/// @param last the highest epoch there ever was; 0 if no record names one. An epoch's number is never used again
/// @param newest the newest record; null if there is none
public record StreamState(String stream, List<Epoch> epochs, boolean paused, int last, @Nullable StreamRecord newest) {
    public StreamState {
        epochs = List.copyOf(epochs);
    }

    /// One epoch of a stream.
    ///
    /// @param since when it was created, by the clock of the process that decided it, epoch ms
    public record Epoch(String stream, StreamAction.Create create, long since) {
        public int number() {
            return create.epoch();
        }

        /// @throws ControlException if this build can't read the spec
        public StreamSpec spec() {
            try {
                return StreamSpec.parse(create.spec(), "the spec of stream " + stream + ", epoch " + number());
            } catch (SpecException e) {
                throw new ControlException(Reason.CONFIGURATION, String.valueOf(e.getMessage()), e);
            }
        }
    }

    /// Returns the state before the first record.
    public static StreamState initial(String stream) {
        return new StreamState(stream, List.of(), false, 0, null);
    }

    /// Returns the state of every stream that has a record, by name.
    ///
    /// @param records of any streams, in the topic's order
    public static Map<String, StreamState> all(Iterable<StreamRecord> records) {
        Map<String, StreamState> states = new TreeMap<>();
        for (StreamRecord record : records) {
            states.put(record.stream(), states.getOrDefault(record.stream(), initial(record.stream())).after(record));
        }
        return states;
    }

    /// Returns the state after one more record of this stream. A creation whose epoch is not above all earlier ones
    /// gives the epoch another spec if all else in it is as it was, and changes nothing otherwise.
    public StreamState after(StreamRecord record) {
        if (!record.stream().equals(stream)) {
            throw new IllegalArgumentException(
                    "expected a record of stream " + stream + ", found one of " + record.stream());
        }
        return switch (record.action()) {
            case StreamAction.Create create -> {
                if (create.epoch() <= last) {
                    yield changed(create, record);
                }
                List<Epoch> more = new ArrayList<>(epochs);
                more.add(new Epoch(stream, create, record.time()));
                yield new StreamState(stream, more, paused, create.epoch(), record);
            }
            case StreamAction.Pause pause -> new StreamState(stream, epochs, true, last, record);
            case StreamAction.Resume resume -> new StreamState(stream, epochs, false, last, record);
            case StreamAction.Delete delete -> {
                List<Epoch> left =
                        epochs.stream().filter(each -> delete.epoch() != 0 && each.number() != delete.epoch()).toList();
                yield new StreamState(stream, left, paused && !left.isEmpty(), last, record);
            }
        };
    }

    private StreamState changed(StreamAction.Create create, StreamRecord record) {
        Epoch known = epoch(create.epoch());
        if (known == null || !known.create().withSpec(create.spec()).equals(create)) {
            return this;
        }
        List<Epoch> with =
                epochs.stream().map(each -> each == known ? new Epoch(stream, create, known.since()) : each).toList();
        return new StreamState(stream, with, paused, last, record);
    }

    /// Returns whether there is such a stream: it was created, and not all of its epochs are deleted.
    public boolean exists() {
        return !epochs.isEmpty();
    }

    /// Returns the newest epoch, from which new models learn; null if there is none.
    public @Nullable Epoch current() {
        return epochs.isEmpty() ? null : epochs.getLast();
    }

    /// Returns null if there is no such epoch, or it is deleted.
    public @Nullable Epoch epoch(int number) {
        return epochs.stream().filter(each -> each.number() == number).findFirst().orElse(null);
    }

    /// @throws ControlException if there is no such epoch, or it is deleted
    public Epoch requireEpoch(int number) {
        Epoch found = epoch(number);
        if (found == null) {
            throw new ControlException(Reason.CONFIGURATION,
                    "stream " + stream + ": expected an epoch that it has, found epoch " + number + "; it has "
                            + String.join(", ", epochs.stream().map(each -> Integer.toString(each.number())).toList()));
        }
        return found;
    }

    /// Returns the epoch whose examples lie on a topic; null if there is none, or it is deleted.
    public @Nullable Epoch on(String examplesTopic) {
        return epochs.stream().filter(each -> examplesTopic.endsWith("." + stream + "." + each.number())).findFirst()
                .orElse(null);
    }
}
