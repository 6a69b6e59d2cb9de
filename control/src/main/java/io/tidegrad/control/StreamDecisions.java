package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.TreeSet;
import java.util.function.Function;
import org.apache.kafka.clients.admin.Admin;
import org.jspecify.annotations.Nullable;

/// Makes decisions about streams: checks each, then writes its control record. Joiners follow the record by themselves.
public final class StreamDecisions {
    private final Topics topics;
    private final ControlLog control;
    private final KafkaTopics kafkaTopics;
    private final Decisions.By by;

    /// A decision that was made.
    ///
    /// @param before the stream's state before it
    /// @param after the state after it
    public record Decided(StreamRecord record, StreamState before, StreamState after) {
    }

    /// @param admin a client of the same Kafka
    /// @param replication the replication factor of topics that are created; -1 for the brokers' default
    public StreamDecisions(KafkaSettings kafka, Topics topics, Admin admin, short replication, Decisions.By by) {
        this.topics = topics;
        this.by = by;
        control = new ControlLog(kafka, topics);
        kafkaTopics = new KafkaTopics(admin, replication);
    }

    /// Creates a stream, or a new epoch of one whose spec has changed, and the topic of its examples. If the spec has changed
    /// in `align` and `examples` only, the newest epoch takes both.
    ///
    /// @param from the time from which on its topics are joined; null for all that they hold
    /// @throws ControlException with all that is not as it must be
    public Decided create(StreamSpec spec, @Nullable Instant from) {
        ControlLog.createOrCheck(kafkaTopics, topics);
        String stream = spec.stream();
        StreamState known = control.read().stream(stream);
        StreamTopics streamTopics = new StreamTopics(kafkaTopics, topics);
        Refusals refusals = new Refusals();
        int bytes = spec.yaml().getBytes(StandardCharsets.UTF_8).length;
        if (bytes > StreamRecord.SPEC_BYTES_MAX) {
            refusals.add("spec", "at most " + StreamRecord.SPEC_BYTES_MAX + " bytes", "" + bytes,
                    "shorten it, for instance its comments");
        }
        StreamState.Epoch current = known.current();
        if (current != null && givesTheSame(spec, current)) {
            StreamAction.Create change = change(spec, from, current, refusals);
            refusals.throwIfAny("stream " + stream + " can't be created");
            if (!spec.retention().equals(current.spec().retention())) {
                streamTopics.keep(current, spec.retention());
            }
            return writeAfter(known, change);
        }
        int epoch = known.last() + 1;
        StreamTopics.Sources sources = streamTopics.look(spec, refusals);
        streamTopics.refuseUsed(topics.examples(stream, epoch), refusals);
        refusals.throwIfAny("stream " + stream + " can't be created");
        Objects.requireNonNull(sources, "a missing topic is refused");
        String examplesId = streamTopics.create(spec, epoch, sources);
        StreamAction.Create create =
                new StreamAction.Create(epoch, spec.yaml(), sources.events(), sources.labels(), examplesId, from);
        return writeAfter(known, create);
    }

    private Decided writeAfter(StreamState known, StreamAction.Create create) {
        return write(known.stream(), state -> {
            if (state.last() != known.last() || !Objects.equals(state.current(), known.current())) {
                throw new ControlException(Reason.RETRYABLE,
                        "stream " + known.stream() + ": expected " + known.last() + " epochs so far, found "
                                + state.last()
                                + ", or another newest one: another person decided at the same time; look" + " again");
            }
            return create;
        });
    }

    /// Returns a spec as it is to be registered: the newest epoch's, if that gives the same examples, else with the schemas
    /// in which its paths were found.
    ///
    /// @throws ControlException no schema of its topics has one of its paths
    /// @throws SchemaRegistry.RegistryUnavailableException the registry can't be asked
    public StreamSpec known(StreamSpec spec, SchemaRegistry registry) {
        ControlLog.createOrCheck(kafkaTopics, topics);
        StreamState.Epoch current = control.read().stream(spec.stream()).current();
        return current != null && givesTheSame(spec, current) ? spec : EventSchemas.known(spec, registry);
    }

    private static boolean givesTheSame(StreamSpec spec, StreamState.Epoch epoch) {
        StreamSpec before;
        try {
            before = epoch.spec();
        } catch (ControlException ofAnotherBuild) {
            return false;
        }
        return Arrays.equals(before.fingerprint(), spec.asRegistered(before).fingerprint());
    }

    /// Returns what gives the newest epoch another `align` or `examples`.
    private static StreamAction.Create change(StreamSpec spec, @Nullable Instant from, StreamState.Epoch current,
            Refusals refusals) {
        StreamSpec before = current.spec();
        StreamSpec after = spec.asRegistered(before);
        if (after.align().equals(before.align()) && after.retention().equals(before.retention())) {
            refusals.add("stream " + spec.stream(), "a spec that changes something of epoch " + current.number(),
                    before.yaml().equals(after.yaml()) ? "the same spec" : "one that differs in form only",
                    "change it, choose another name, or delete that epoch first (tidegrad streams delete "
                            + spec.stream() + " --epoch " + current.number() + ")");
        } else if (from != null && !from.equals(current.create().from())) {
            refusals.add("--from", "none, or that of epoch " + current.number() + ", which goes on", from.toString(),
                    "leave it out");
        }
        return current.create().withSpec(after.yaml());
    }

    /// @throws ControlException if there is no such stream, or it is paused already
    public Decided pause(String stream) {
        return decide(stream, state -> {
            if (state.paused()) {
                throw new ControlException(Reason.CONFIGURATION,
                        "stream " + stream + ": expected one that is joined, found that it is paused already, since "
                                + Instant.ofEpochMilli(Objects.requireNonNull(state.newest()).time()));
            }
            return new StreamAction.Pause();
        });
    }

    /// @throws ControlException if there is no such stream, or it is not paused
    public Decided resume(String stream) {
        return decide(stream, state -> {
            if (!state.paused()) {
                throw new ControlException(Reason.CONFIGURATION,
                        "stream " + stream + ": expected one that is paused, found one that is joined");
            }
            return new StreamAction.Resume();
        });
    }

    /// Deletes an epoch of a stream, or all of them. Their topics stay; see `ModelData`.
    ///
    /// @param epoch empty for all
    /// @throws ControlException if there is no such epoch, or a model learns from it
    public Decided delete(String stream, OptionalInt epoch) {
        return write(stream, (view, state) -> {
            view.requireStream(stream, "");
            List<StreamState.Epoch> doomed =
                    epoch.isEmpty() ? state.epochs() : List.of(state.requireEpoch(epoch.getAsInt()));
            Refusals refusals = new Refusals();
            for (StreamState.Epoch each : doomed) {
                List<String> learners = learners(view, topics.examples(stream, each.number()));
                if (!learners.isEmpty()) {
                    refusals.add("epoch " + each.number(), "no model that learns from it", String.join(", ", learners),
                            "delete them first (tidegrad models delete " + learners.getFirst() + ")");
                }
            }
            refusals.throwIfAny("stream " + stream + " can't be deleted");
            return new StreamAction.Delete(epoch.orElse(0));
        });
    }

    /// Returns the names of the models that learn from a topic, paused ones and those without an entry of the catalog too.
    static List<String> learners(ControlLog.View view, String topic) {
        TreeSet<String> learners = new TreeSet<>();
        view.models().forEach((model, entry) -> {
            if (entry.getInputTopic().equals(topic)) {
                learners.add(model);
            }
        });
        view.lost().forEach((model, lost) -> {
            if (lost.creation().inputTopic().equals(topic)) {
                learners.add(model);
            }
        });
        return new ArrayList<>(learners);
    }

    /// Returns the last decision about a stream that was created, deleted or not.
    ///
    /// @throws ControlException if there was never one of this name
    public Decided last(String stream) {
        ControlLog.View view = control.read();
        StreamState before = StreamState.initial(stream);
        StreamState after = before;
        for (StreamRecord record : view.streamRecords()) {
            StreamState next = record.stream().equals(stream) ? after.after(record) : after;
            before = next == after ? before : after;
            after = next;
        }
        if (after.newest() == null) {
            view.requireStream(stream, ""); // throws, and says which streams there are
        }
        return new Decided(Objects.requireNonNull(after.newest()), before, after);
    }

    @FunctionalInterface
    private interface Decider {
        StreamAction decide(ControlLog.View view, StreamState state);
    }

    private Decided decide(String stream, Function<StreamState, StreamAction> decider) {
        return write(stream, (view, state) -> decider.apply(view.requireStream(stream, "")));
    }

    private Decided write(String stream, Function<StreamState, StreamAction> decider) {
        return write(stream, (view, state) -> decider.apply(state));
    }

    private Decided write(String stream, Decider decider) {
        ControlLog.createOrCheck(kafkaTopics, topics);
        StreamState[] before = new StreamState[1];
        ControlLog.View after = control.write(view -> {
            before[0] = view.stream(stream);
            StreamAction action = decider.decide(view, before[0]);
            return new ControlLog.Decision(
                    new StreamRecord(stream, action, System.currentTimeMillis(), by.author(), by.reason()));
        });
        StreamState state = after.stream(stream);
        return new Decided(Objects.requireNonNull(state.newest(), "just decided"), before[0], state);
    }
}
