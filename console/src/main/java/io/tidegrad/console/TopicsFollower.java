package io.tidegrad.console;

import io.tidegrad.control.ReadCommitted;
import io.tidegrad.schemas.MissingRight;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.InvalidOffsetException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Reads the topics of Tidegrad into a picture, with one consumer that has no group and sees what is committed. It finds
/// models that are created later, and goes on when Kafka or the registry were away. A topic that ACLs deny is left out, and
/// the picture says so, until it may be read.
final class TopicsFollower implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TopicsFollower.class);

    private static final Duration POLL = Duration.ofMillis(500);
    private static final long LOOK_NANOS = Duration.ofSeconds(2).toNanos();
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(5);

    private static final long ASK_AGAIN_NANOS = Duration.ofSeconds(10).toNanos(); // for a right that was missing

    /// Before a read that failed is tried again; closing interrupts it.
    private static final Duration PAUSE = Duration.ofSeconds(1);

    /// At the start so many of a partition's newest offsets are read; of topics that say what holds, all.
    private static final long PROGRESS_OFFSETS = 200_000;
    private static final long SNAPSHOT_OFFSETS = 4_096;
    private static final long DEAD_LETTER_OFFSETS = 500;

    private final String bootstrapServers;
    private final ReadCommitted kafka;
    private final Topics topics;
    private final Picture picture;
    private final RecordIntake intake;
    private final java.util.function.Consumer<KafkaException> refused;
    private final Thread thread;
    private final Map<TopicPartition, Long> positions = new HashMap<>(); // of what is followed
    private final Map<TopicPartition, Long> atStart = new HashMap<>(); // ends that are not reached yet
    private final Set<TopicPartition> logs = new HashSet<>(); // of events, as far as they are there
    private final Map<String, String> denied = new TreeMap<>(); // topic → which right is missing
    private final Set<String> askedAgain = new HashSet<>(); // of them, those that are read as if they were allowed
    private long asked;
    private Consumer<byte[], byte[]> consumer;
    private Picture.Traffic before = new Picture.Traffic(0, 0); // of consumers that were closed
    private int leftOut; // models, as the log has it
    private long looked;
    private boolean letIn; // Kafka has answered
    private boolean knowsAll; // what there was at the start, also the topics of models that it told of
    private volatile boolean closed;

    /// @param refused is told if Kafka never lets this in; nothing is read then. Once it did, the next refusal may pass
    /// @throws KafkaException if no consumer can be made with these settings
    TopicsFollower(KafkaSettings kafka, Topics topics, SchemaRegistry registry, Picture picture,
            java.util.function.Consumer<KafkaException> refused) {
        bootstrapServers = kafka.bootstrapServers();
        this.kafka = new ReadCommitted(kafka.client());
        this.topics = topics;
        this.picture = picture;
        this.refused = refused;
        intake = new RecordIntake(topics, registry, picture);
        consumer = open();
        thread = Thread.ofPlatform().name("topics").unstarted(this::run);
    }

    private Consumer<byte[], byte[]> open() {
        Consumer<byte[], byte[]> opened = kafka.openToFollow(new TopicPartition(topics.models(), 0));
        opened.assign(List.of());
        return opened;
    }

    void start() {
        thread.start();
    }

    private void run() {
        looked = System.nanoTime() - LOOK_NANOS;
        boolean reopens = false;
        boolean away = false;
        while (!closed) {
            try {
                if (reopens) {
                    before = picture.traffic(); // as it was told last: opening may fail, and come here again
                    consumer.close(CloseOptions.timeout(Duration.ZERO));
                    consumer = open();
                    assign();
                    reopens = false;
                }
                if (System.nanoTime() - looked >= LOOK_NANOS) {
                    look();
                    letIn = true;
                    looked = System.nanoTime();
                }
                if (consumer.assignment().isEmpty()) {
                    picture.denied(denied);
                    picture.problem(denied.isEmpty()
                            ? "Kafka has no topic " + topics.models() + " yet, nor others of this prefix" : "");
                    pause();
                } else {
                    read();
                }
                away = false;
            } catch (InterruptException e) {
                return;
            } catch (InvalidOffsetException e) { // another topic of this name, or an emptied one
                LOG.warn("{}; reading {} from where it begins", e.getMessage(), e.partitions());
                consumer.seekToBeginning(e.partitions());
            } catch (TopicAuthorizationException e) {
                deny(e);
            } catch (KafkaException e) {
                if (e instanceof AuthenticationException && !letIn) {
                    refused.accept(e);
                    return;
                }
                String right = MissingRight.of(e);
                if (!away) {
                    LOG.warn("the topics can't be read, trying again: {}", right == null ? e.toString() : right);
                }
                away = true;
                reopens = true;
                picture.problem(e instanceof TimeoutException
                        ? "Kafka at " + bootstrapServers + " does not answer, and is asked again until it does: "
                                + e.getMessage()
                        : "The topics can't be read: " + (right == null ? e.getMessage() : right));
                pause();
            } catch (RegistryUnavailableException e) {
                picture.problem("The schema registry does not answer: " + e.getMessage());
                pause();
            }
        }
    }

    /// What Kafka's consumer counts itself.
    private Picture.Traffic traffic() {
        return new Picture.Traffic(counted("incoming-byte-total"), counted("outgoing-byte-total"));
    }

    private long counted(String name) {
        return consumer.metrics().entrySet().stream()
                .filter(each -> each.getKey().group().equals("consumer-metrics") && each.getKey().name().equals(name))
                .mapToLong(each -> ((Number) each.getValue().metricValue()).longValue()).sum();
    }

    private void tellLeftOut() {
        Picture.Status status = picture.status();
        if (status.leftOut() > leftOut) {
            LOG.warn("{}", status.leftOutMessage());
        }
        leftOut = status.leftOut();
    }

    private void pause() {
        try {
            Thread.sleep(PAUSE);
        } catch (InterruptedException closing) {
            Thread.currentThread().interrupt();
        }
    }

    /// Goes on without topics that may not be read. Kafka throws before it returns records, so none is lost.
    private void deny(TopicAuthorizationException e) {
        for (String topic : e.unauthorizedTopics()) {
            String right = Objects.requireNonNullElse(
                    MissingRight.of(new TopicAuthorizationException(e.getMessage(), Set.of(topic))), e.toString());
            if (denied.put(topic, right) == null) {
                asked = System.nanoTime();
                LOG.warn("going on without topic {}: {}", topic, right);
            }
            askedAgain.remove(topic);
        }
        atStart.keySet().removeIf(partition -> rests(partition.topic()));
        logs.removeIf(log -> rests(log.topic()));
        assign();
    }

    private boolean rests(String topic) {
        return denied.containsKey(topic) && !askedAgain.contains(topic);
    }

    /// Takes up topics that may be read now: Kafka says only of what is read whether it may be.
    private void askAgain() {
        for (String allowed : askedAgain) {
            LOG.info("topic {} may be read again", allowed);
            denied.remove(allowed);
        }
        askedAgain.clear();
        if (!denied.isEmpty() && System.nanoTime() - asked >= ASK_AGAIN_NANOS) {
            asked = System.nanoTime();
            askedAgain.addAll(denied.keySet());
            assign();
        }
    }

    private void look() {
        picture.forget(System.currentTimeMillis());
        picture.traffic(before.and(traffic()));
        tellLeftOut();
        askAgain();
        if (!consumer.assignment().isEmpty()) {
            // A poll does not tell whether anybody answers.
            consumer.endOffsets(List.of(consumer.assignment().iterator().next()), ANSWER_WITHIN);
        }
        find();
    }

    /// Finds partitions that are new, and where the logs of models end.
    private void find() {
        Map<TopicPartition, Long> wanted = new HashMap<>(); // how many of the newest offsets
        for (String whole : List.of(topics.models(), topics.control(), topics.status())) {
            partitions(whole).limit(1).forEach(partition -> wanted.put(partition, Long.MAX_VALUE));
        }
        partitions(topics.progress()).forEach(partition -> wanted.put(partition, PROGRESS_OFFSETS));
        partitions(topics.deadLetters()).forEach(partition -> wanted.put(partition, DEAD_LETTER_OFFSETS));
        for (String model : picture.registered()) {
            TopicPartition snapshots = new TopicPartition(topics.snapshots(model), 0);
            if (positions.containsKey(snapshots)) {
                wanted.put(snapshots, SNAPSHOT_OFFSETS);
            } else {
                partitions(snapshots.topic()).limit(1).forEach(partition -> wanted.put(partition, SNAPSHOT_OFFSETS));
            }
        }
        Set<TopicPartition> found = new HashSet<>(wanted.keySet());
        found.removeAll(positions.keySet());
        if (!found.isEmpty() || positions.size() != wanted.size()) {
            positions.keySet().retainAll(wanted.keySet());
            Map<TopicPartition, Long> begins = consumer.beginningOffsets(found);
            Map<TopicPartition, Long> ends = consumer.endOffsets(found);
            for (TopicPartition partition : found) {
                long begin = begins.getOrDefault(partition, 0L);
                long end = ends.getOrDefault(partition, begin);
                long newest = wanted.getOrDefault(partition, 0L);
                long from = newest > end - begin ? begin : end - newest;
                positions.put(partition, from);
                if (from < end) {
                    atStart.put(partition, end);
                }
            }
            atStart.keySet().retainAll(positions.keySet());
            assign();
        }
        logsEnd();
    }

    /// Returns the partitions of a topic; of one that may not be read those that are followed once it may.
    private Stream<TopicPartition> partitions(String topic) {
        if (!rests(topic)) {
            try {
                return ReadCommitted.partitions(consumer, topic).stream()
                        .map(each -> new TopicPartition(topic, each.partition()));
            } catch (TopicAuthorizationException e) {
                deny(e);
            }
        }
        return positions.keySet().stream().filter(each -> each.topic().equals(topic)).toList().stream();
    }

    /// Of logs of models the consumer only asks where they end.
    private void assign() {
        Set<TopicPartition> before = Set.copyOf(consumer.assignment());
        Set<TopicPartition> read =
                positions.keySet().stream().filter(each -> !rests(each.topic())).collect(Collectors.toSet());
        consumer.assign(Stream.concat(read.stream(), logs.stream()).toList());
        positions.forEach((partition, position) -> {
            if (read.contains(partition) && !before.contains(partition)) {
                consumer.seek(partition, position);
            }
        });
        consumer.pause(logs);
        logs.forEach(log -> consumer.seek(log, 0)); // without a place to read from, a poll would fail
    }

    private void logsEnd() {
        Set<TopicPartition> wanted =
                picture.inputTopics().stream().map(topic -> new TopicPartition(topic, 0)).collect(Collectors.toSet());
        if (!logs.equals(wanted)) {
            wanted.removeIf(
                    log -> !logs.contains(log) && (rests(log.topic()) || partitions(log.topic()).findAny().isEmpty()));
            if (!logs.equals(wanted)) {
                logs.clear();
                logs.addAll(wanted);
                assign();
            }
        }
        if (logs.isEmpty()) {
            return;
        }
        try {
            picture.logsEnd(
                    consumer.endOffsets(logs, ANSWER_WITHIN).entrySet().stream()
                            .collect(Collectors.toMap(end -> end.getKey().topic(), Map.Entry::getValue)),
                    System.currentTimeMillis());
        } catch (TimeoutException e) {
            LOG.warn("the ends of {} are not known: {}", logs, e.getMessage());
            logs.clear(); // perhaps one of them was deleted: look again which there are
            assign();
        }
    }

    private void read() {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(POLL);
        RegistryUnavailableException unavailable = null;
        for (TopicPartition partition : records.partitions()) {
            for (ConsumerRecord<byte[], byte[]> record : records.records(partition)) {
                try {
                    intake.take(record);
                } catch (RegistryUnavailableException e) {
                    consumer.seek(partition, record.offset());
                    unavailable = e;
                    break;
                } catch (RuntimeException e) {
                    LOG.error("a defect: {} offset {} could not be taken", partition, record.offset(), e);
                    picture.unreadable();
                }
            }
        }
        positions.replaceAll((partition, before) -> rests(partition.topic()) ? before : consumer.position(partition));
        atStart.entrySet().removeIf(end -> positions.getOrDefault(end.getKey(), 0L) >= end.getValue());
        picture.news();
        if (unavailable != null) {
            throw unavailable;
        }
        picture.denied(denied);
        picture.problem("");
        if (!knowsAll && atStart.isEmpty()) {
            find();
            knowsAll = atStart.isEmpty();
            picture.denied(denied);
        }
        if (knowsAll && atStart.isEmpty()) {
            picture.caughtUp();
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            thread.join();
            consumer.close(CloseOptions.timeout(Duration.ZERO));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // the consumer may still be in use
        }
    }
}
