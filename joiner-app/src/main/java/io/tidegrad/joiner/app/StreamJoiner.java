package io.tidegrad.joiner.app;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.StreamState;
import io.tidegrad.joiner.join.EntryException;
import io.tidegrad.joiner.topology.Alignment;
import io.tidegrad.joiner.topology.JoinCounts;
import io.tidegrad.joiner.topology.JoinDeadLetters;
import io.tidegrad.joiner.topology.JoinProgress;
import io.tidegrad.joiner.topology.JoinerTopology;
import io.tidegrad.joiner.topology.KafkaEventLookup;
import io.tidegrad.joiner.topology.StreamTime;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.InstanceId;
import io.tidegrad.process.Looks;
import io.tidegrad.process.StopException;
import io.tidegrad.process.StreamsClients;
import io.tidegrad.process.StreamsWatch;
import io.tidegrad.process.TopicWatch;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaClientSupplier;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.ThreadMetadata;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Joins one epoch of a stream, in a Kafka Streams application named `{prefix}-{stream}-{epoch}-join`.
final class StreamJoiner implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StreamJoiner.class);
    private static final Duration LOOK_EVERY = Duration.ofSeconds(1);

    /// A joiner that holds records back for others wants to hear of them soon.
    private static final Duration LOOK_OFTEN = Duration.ofMillis(100);

    private static final Duration STOP_MAX = Duration.ofSeconds(30);

    /// A joiner that can't go on may be waiting for a topic that is gone, so that a longer wait would gain nothing.
    private static final Duration GIVE_UP_MAX = Duration.ofSeconds(5);

    private static final Duration REGISTRY_QUESTION_MAX = Duration.ofSeconds(2);

    private final StreamState.Epoch epoch;
    private final KafkaStreams streams;
    private final JoinCounts counts = new JoinCounts();

    /// The longest time between two commits of a joiner that is well: the commit interval, the longest wait of a record
    /// for its schema, the timeout of a transaction, and a look of ours. With the defaults these are 17 s.
    private final Duration standstillMax;

    private final JoinOffsets offsets;
    private final KafkaTopics kafka;
    private final Internal internal;
    private final Surroundings surroundings;
    private final StreamsWatch threadsWatch;
    private final Looks looks = new Looks(); // of its own: Kafka may not answer about topics of one stream that are gone
    private final List<TopicWatch.Watched> watched;
    private final JoinProgress progress;
    private final Alignment alignment;
    private volatile boolean hasCommitted;
    private double committingWithEvents = -1; // nanoseconds that commits had taken when there was an event
    private boolean looked;
    private long lookedAt; // nanoseconds
    private volatile long answeredAt; // nanoseconds, when Kafka was asked last and answered
    private final Queue<RecordDecoder> decoders = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean stopped = new AtomicBoolean();
    private final AtomicBoolean gaveUp = new AtomicBoolean();
    private final Consumer<Throwable> failed;

    /// What the streams of a process share.
    ///
    /// @param clock in nanoseconds, which never goes back
    /// @param answered runs each time when Kafka has answered
    /// @param clients makes the clients of Kafka Streams for a stream
    record Surroundings(JoinerConfig config, String instanceId, Admin admin, TopicWatch watch, LongSupplier clock,
            Runnable answered, Function<JoinerTopology.Parts, KafkaClientSupplier> clients) {
    }

    /// Checks and creates what the stream needs. Joining begins with `start`.
    ///
    /// @param failed gets the reason why the joiner can't go on, at most once
    /// @throws StopException if the stream can't be joined
    static StreamJoiner prepare(StreamState.Epoch epoch, Surroundings surroundings, Consumer<Throwable> failed) {
        JoinerConfig config = surroundings.config();
        Admin admin = surroundings.admin();
        KafkaTopics kafka = new KafkaTopics(admin, config.replication());
        Topics topics = config.topics();
        JoinTopics found = JoinTopics.check(kafka, epoch, topics, config.deadLetterRetention());
        String application = topics.joinerApplicationId(epoch.stream(), epoch.number());
        JoinOffsets offsets = new JoinOffsets(admin, epoch, application,
                StreamsClients.sessionTimeout(config.kafka()).multipliedBy(3));
        List<TopicPartition> read = new ArrayList<>(partitions(epoch.spec().events().topic(), found.eventPartitions()));
        StreamSpec.Labels labels = epoch.spec().labels();
        if (labels != null) {
            read.addAll(partitions(labels.topic(), found.labelPartitions()));
        }
        Internal internal = Internal.of(epoch.spec(), found, application);
        Map<String, KafkaTopics.Found> there = offsets.requireInternal(internal, read, kafka);
        List<TopicPartition> written = new ArrayList<>(partitions(topics.examples(epoch.stream(), epoch.number()), 1));
        String changelog = Topics.joinerChangelog(application);
        KafkaTopics.Found entries = there.get(changelog);
        if (entries != null) {
            written.addAll(partitions(changelog, entries.partitions()));
        }
        offsets.ensure(read, written);
        return new StreamJoiner(epoch, surroundings, found, internal, offsets, kafka, failed);
    }

    /// The topics that Kafka Streams creates for a stream: what they hold is nowhere else.
    ///
    /// @param joined partitions from which the join takes; those of events, if it takes from the topics directly
    record Internal(Set<String> repartitions, Set<String> changelogs, List<TopicPartition> joined) {
        private static Internal of(StreamSpec spec, JoinTopics found, String application) {
            List<TopicPartition> events = partitions(spec.events().topic(), found.eventPartitions());
            if (spec.labels() == null) {
                return new Internal(Set.of(), Set.of(), events);
            }
            Set<String> changelogs = Set.of(Topics.joinerChangelog(application));
            if (JoinerTopology.isPartitionedAlike(spec, found.eventPartitions(), found.labelPartitions())) {
                return new Internal(Set.of(), changelogs, events);
            }
            int tasks = Math.max(found.eventPartitions(), found.labelPartitions());
            String repartition = Topics.joinerRepartition(application);
            return new Internal(Set.of(repartition), changelogs, partitions(repartition, tasks));
        }

        Set<String> all() {
            Set<String> all = new TreeSet<>(repartitions);
            all.addAll(changelogs);
            return all;
        }
    }

    private static List<TopicPartition> partitions(String topic, int count) {
        return IntStream.range(0, count).mapToObj(partition -> new TopicPartition(topic, partition)).toList();
    }

    private StreamJoiner(StreamState.Epoch epoch, Surroundings surroundings, JoinTopics found, Internal internal,
            JoinOffsets offsets, KafkaTopics kafka, Consumer<Throwable> failed) {
        this.surroundings = surroundings;
        JoinerConfig config = surroundings.config();
        this.epoch = epoch;
        this.failed = failed;
        this.offsets = offsets;
        this.kafka = kafka;
        this.internal = internal;
        StreamSpec spec = epoch.spec();
        StreamSpec.Labels labels = spec.labels();
        Topics topics = config.topics();
        String application = topics.joinerApplicationId(epoch.stream(), epoch.number());
        Duration patience =
                StreamsClients.transactionTimeout(config.kafka(), JoinStreams.commitIntervalMax(config)).dividedBy(2);
        standstillMax = JoinStreams.commitIntervalMax(config).plus(patience.multipliedBy(3)).plusSeconds(2);
        StreamTime time = new StreamTime();
        alignment = new Alignment(spec.align());
        JoinerTopology.Parts parts = new JoinerTopology.Parts(spec, topics.examples(epoch.stream(), epoch.number()),
                topics.deadLetters(), new JoinDeadLetters(spec.stream(), epoch.number(), found.deadLetterBytesMax()),
                found.eventPartitions(), found.labelPartitions(), () -> decoder(config), patience,
                () -> new KafkaEventLookup(spec.stream(), spec.events().topic(), config.kafka().client(), patience),
                counts, time, JoinStreams.commitInterval(config.kafka()), alignment);
        progress = new JoinProgress(partitions(spec.events().topic(), found.eventPartitions()),
                labels == null ? List.of() : partitions(labels.topic(), found.labelPartitions()), internal.joined(),
                time, alignment);
        watched = found.watched(kafka, epoch, topics, internal.all(), this::joins, this::giveUp);
        Properties settings = new Properties();
        settings.putAll(JoinStreams.of(application, config.stateDir(), surroundings.instanceId(), config,
                found.recordBytesMax()));
        try {
            Files.createDirectories(config.stateDir());
        } catch (IOException e) {
            throw InstanceId.unusable(config.stateDir(), e);
        }
        streams = StreamsClients.streams(JoinerTopology.of(parts), settings, surroundings.clients().apply(parts));
        // After that time a thread that asks for no records is a member of its group no more.
        String pollWithin = Objects.requireNonNull(
                settings.getProperty(StreamsConfig.mainConsumerPrefix(ConsumerConfig.MAX_POLL_INTERVAL_MS_CONFIG)));
        Duration silenceMax =
                Duration.ofMillis(Long.parseLong(pollWithin)).plus(StreamsClients.sessionTimeout(config.kafka()));
        threadsWatch = new StreamsWatch(name(epoch), streams, silenceMax, surroundings.clock());
        streams.setUncaughtExceptionHandler(thrown -> {
            if (!stopped.get()) {
                giveUp(withRemedy(thrown));
            }
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR && !stopped.get()) {
                giveUp(new StopException(ExitCode.RETRYABLE, name(epoch) + ": Kafka Streams gave up"));
            }
        });
    }

    private RecordDecoder decoder(JoinerConfig config) {
        RecordDecoder decoder = RecordDecoder.of(config.registry().client(), () -> REGISTRY_QUESTION_MAX);
        decoders.add(decoder);
        return decoder;
    }

    /// For people.
    static String name(StreamState.Epoch epoch) {
        return "stream " + epoch.stream() + ", epoch " + epoch.number();
    }

    /// Returns what to do about an entry that can't be read; anything else as it is.
    private Throwable withRemedy(Throwable thrown) {
        for (Throwable at = thrown; at != null; at = at.getCause()) {
            if (at instanceof EntryException) {
                return new StopException(ExitCode.STATE_VIOLATION, name(epoch) + ": expected entries on "
                        + String.join(", ", internal.changelogs()) + " that this build can read, found "
                        + at.getMessage()
                        + ". If a newer build wrote it, start that one. Otherwise start with an empty state-dir, which reads"
                        + " the topic anew; if that fails, too, somebody else wrote to the topic or damaged it: begin a new"
                        + " epoch, tidegrad streams create --spec FILE", thrown);
            }
        }
        return thrown;
    }

    /// Passes on the first reason why this joiner can't go on.
    private void giveUp(Throwable thrown) {
        if (gaveUp.compareAndSet(false, true)) {
            failed.accept(thrown);
        }
    }

    void start() {
        LOG.info("stream {}, epoch {}: joining", epoch.stream(), epoch.number());
        streams.start();
        surroundings.watch().add(watched);
        answeredAt = surroundings.clock().getAsLong();
        looks.every(LOOK_OFTEN, name(epoch) + ": its progress can't be looked at", this::look);
    }

    JoinCounts counts() {
        return counts;
    }

    JoinProgress progress() {
        return progress;
    }

    Alignment alignment() {
        return alignment;
    }

    /// Looks how far the group is, a second after the last look, or at once while records are held back for other
    /// processes; from one thread at a time.
    private void look() {
        long nanos = surroundings.clock().getAsLong();
        while (looked && !alignment.waitsForOthers() && nanos - lookedAt < LOOK_EVERY.toNanos()) {
            LockSupport.parkNanos(LOOK_OFTEN.toNanos());
            if (Thread.currentThread().isInterrupted()) {
                return; // it is being closed
            }
            nanos = surroundings.clock().getAsLong();
        }
        looked = true;
        lookedAt = nanos;
        List<TopicPartition> sources = progress.sources();
        if (progress.seen() == null && state() != KafkaStreams.State.RUNNING) { // Streams may have to create its topics
            offsets.ends(sources); // fails while Kafka is away, for which threads may be waiting
            answeredAt = nanos;
            endIfThreadsStandStill();
            return;
        }
        if (progress.seen() == null) {
            requireDeletion();
        }
        long asked = System.nanoTime(); // as those who fetch records count
        Map<TopicPartition, Long> written = offsets.ends(sources); // first, or what comes now would look hidden
        Map<TopicPartition, Long> ends = offsets.readable(sources);
        Map<TopicPartition, @Nullable OffsetAndMetadata> committed = new HashMap<>(offsets.committed(sources));
        List<TopicPartition> between = progress.between();
        if (!between.isEmpty()) {
            ends.putAll(offsets.ends(between));
            committed.putAll(offsets.committed(between));
        }
        progress.look(ends, written, committed, System.currentTimeMillis(), nanos, asked);
        answeredAt = nanos;
        surroundings.answered().run();
        lookWhatWasCommitted();
        endIfThreadsStandStill();
    }

    private void endIfThreadsStandStill() {
        StopException why = threadsWatch.kafkaHasAnswered();
        if (why != null) {
            giveUp(why);
        }
    }

    /// Returns whether a transaction with an event was committed here, which shows what the credentials allow. Those of other
    /// joiners of the group don't, nor do those with ticks only.
    boolean hasCommitted() {
        return hasCommitted;
    }

    private void lookWhatWasCommitted() {
        if (!hasCommitted && counts.events() > 0) {
            double committing = sum("producer-metrics", "txn-commit-time-ns-total", Map.of());
            hasCommitted = committingWithEvents >= 0 && committing > committingWithEvents;
            if (committingWithEvents < 0 || committing < committingWithEvents) { // less: Streams made a new producer
                committingWithEvents = committing;
            }
        }
    }

    /// Kafka Streams deletes from the repartition topics what is joined. Without the right to do so it would only log that,
    /// and the topics would grow for ever.
    private void requireDeletion() {
        try {
            kafka.requireRight(AclOperation.DELETE, internal.repartitions());
        } catch (TopicAuthorizationException e) {
            giveUp(e);
        }
    }

    /// Returns why nothing is joined although this process has tasks; null if there is no such reason.
    @Nullable
    String stalled() {
        JoinProgress.Seen seen = progress.seen();
        Duration standstill = seen == null ? Duration.ZERO : seen.standstill();
        Duration unanswered = Duration.ofNanos(surroundings.clock().getAsLong() - answeredAt);
        if (standstill.plus(unanswered).compareTo(standstillMax) <= 0) {
            return null;
        }
        return seen == null || unanswered.compareTo(standstill) > 0
                ? "Kafka has not answered for " + unanswered.toSeconds() + " s, expected an answer within "
                        + standstillMax.toSeconds() + " s"
                : seen.lag() + " offsets are not joined, and nothing was committed for "
                        + standstill.plus(unanswered).toSeconds() + " s, expected a commit at least every "
                        + standstillMax.toSeconds() + " s";
    }

    /// Returns whether all threads have ended and the state directory is free.
    boolean hasStopped() {
        return state().hasCompletedShutdown();
    }

    KafkaStreams.State state() {
        return streams.state();
    }

    /// Returns whether this process has tasks of the stream, and is not still restoring.
    boolean joins() {
        return state() == KafkaStreams.State.RUNNING && tasks() > 0;
    }

    int tasks() {
        return threads().stream().mapToInt(thread -> thread.activeTasks().size()).sum();
    }

    /// Returns the threads and the tasks of each; none if it has just stopped.
    Set<ThreadMetadata> threads() {
        try {
            return streams.metadataForLocalThreads();
        } catch (IllegalStateException e) {
            return Set.of();
        }
    }

    /// Returns a metric of Kafka Streams summed over all tasks of this process, for instance how large a store is.
    double sum(String group, String name, Map<String, String> tags) {
        return streams.metrics().entrySet().stream()
                .filter(each -> each.getKey().name().equals(name) && each.getKey().group().equals(group)
                        && each.getKey().tags().entrySet().containsAll(tags.entrySet()))
                .mapToDouble(each -> each.getValue().metricValue() instanceof Number number ? number.doubleValue() : 0)
                .sum();
    }

    /// Commits and stops. The member stays in its group, so that the restarted process takes its partitions at once.
    @Override
    public void close() {
        stop(CloseOptions.GroupMembershipOperation.REMAIN_IN_GROUP);
    }

    /// Stops and leaves the group, so that another instance need not wait for the end of a session.
    void leave() {
        stop(CloseOptions.GroupMembershipOperation.LEAVE_GROUP);
    }

    private void stop(CloseOptions.GroupMembershipOperation membership) {
        stopped.set(true);
        surroundings.watch().remove(watched);
        looks.close();
        streams.close(
                CloseOptions.timeout(gaveUp.get() ? GIVE_UP_MAX : STOP_MAX).withGroupMembershipOperation(membership));
        @Nullable
        RecordDecoder decoder;
        while ((decoder = decoders.poll()) != null) {
            decoder.close();
        }
    }
}
