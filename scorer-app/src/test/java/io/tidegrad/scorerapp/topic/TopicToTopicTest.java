package io.tidegrad.scorerapp.topic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.ControlAction;
import io.tidegrad.localstack.TcpRelay;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.stream.Served;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.FlightRecording;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.schemas.Prediction;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.TestControl;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorer.TraceContext;
import io.tidegrad.scorerapp.Payments;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.LongStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Invariant I18: every request has exactly one prediction or one dead letter among what a read_committed reader sees,
/// by exactly the version that it names, in the order of its key; whatever dies, stalls, is cut or comes back.
class TopicToTopicTest {
    private static final int PARTITIONS = 3;

    /// As Kafka's protocol numbers them.
    private static final int END_TXN = 26;

    private static final int TXN_OFFSET_COMMIT = 28;

    private static final Duration SWAP = Duration.ofMillis(40);

    @AfterEach
    void heal() {
        TopicScorerStack.KAFKA.heal();
        TopicScorerStack.REGISTRY.heal();
    }

    /// Publishes versions while something else goes on.
    private static final class Swaps implements AutoCloseable {
        private final AtomicBoolean done = new AtomicBoolean();
        private final CompletableFuture<Void> running;

        Swaps(TopicScorerWorld world) {
            running = CompletableFuture.runAsync(() -> {
                while (!done.get()) {
                    world.publish();
                    LockSupport.parkNanos(SWAP.toNanos());
                }
            },
                    // Java's HTTP client needs the common pool, which has one thread here.
                    task -> Thread.ofPlatform().name("swaps").start(task));
        }

        @Override
        public void close() {
            done.set(true);
            running.join();
        }
    }

    @Test
    @LongProof("partitions change hands")
    void everyRequestIsAnsweredOnceInItsKeysOrderWhileVersionsAndPartitionsChangeHands() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(PARTITIONS).published()) {
            TopicScorer first = world.start();
            try (Swaps _ = new Swaps(world)) {
                world.awaitPartitions(first, PARTITIONS);
                world.ask(1_500);
                TopicScorer second = world.start();
                while (second.status().partitions() == 0 || first.status().partitions() == PARTITIONS) {
                    world.ask(50);
                }
                world.ask(1_500);
                first.close();
                while (second.status().partitions() < PARTITIONS) {
                    world.ask(50);
                }
                world.ask(500);
                world.awaitEnd();
            }
            assertThat(world.faults()).isEmpty();
            List<Prediction> predictions =
                    world.all(world.topics.predictions()).stream().map(world::prediction).toList();
            long versions = predictions.stream().map(Prediction::getVersion).distinct().count();
            System.out.println("topic to topic: " + predictions.size() + " requests by " + versions + " versions");
            assertThat(versions).isGreaterThan(5);
            assertThat(predictions).allSatisfy(prediction -> {
                assertThat(prediction.getModel()).isEqualTo(world.model);
                assertThat(prediction.getEpoch()).isEqualTo(1);
                // A row is a step, and the version saw each event before it.
                assertThat(prediction.getOffset()).isEqualTo(prediction.getVersion());
                assertThat(prediction.getFreshnessMs()).isPositive();
            });
        }
    }

    @LongProof("versions while requests come")
    @Test
    void anAnswerHasTheBitsOfTheLibrarysByTheSameVersionAndAFlightRecordingHasItsBatch() throws Exception {
        try (FlightRecording recording = FlightRecording.of("tidegrad.Score");
                TopicScorerWorld world = new TopicScorerWorld(1).published()) {
            world.start();
            world.ask(TopicScorerWorld.EVENTS.length);
            world.awaitEnd();
            Predictions library = world.scorer().scoreAll(LongStream.of(TopicScorerWorld.EVENTS)
                    .mapToObj(TopicScorerWorld::record).map(record -> (Event) new AvroEvent().of(record)).toList());
            List<Prediction> predictions =
                    world.all(world.topics.predictions()).stream().map(world::prediction).toList();
            for (int event = 0; event < TopicScorerWorld.EVENTS.length; event++) {
                Prediction prediction = predictions.get(event);
                assertThat(prediction.getVersion()).isEqualTo(library.version());
                assertThat(Float.floatToRawIntBits(prediction.getProbabilities().getFirst()))
                        .isEqualTo(Float.floatToRawIntBits(library.probability(event, 0)));
            }
            // Another test of this JVM may have enabled other events.
            assertThat(recording.events().stream()
                    .filter(event -> event.getEventType().getName().equals("tidegrad.Score")
                            && event.getString("model").equals(predictions.getFirst().getModel()))
                    .mapToInt(event -> event.getInt("records")).sum()).isEqualTo(predictions.size());
            assertThat(world.faults()).isEmpty();
        }
    }

    @Test
    void requestsNestAsTheEventsOfTheirModelDoInAvroAndInJsonAndInAStream() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(1).published();
                TestPublisher avro =
                        new TestPublisher(TopicScorerStack.bootstrapServers(), world.topics, "payments").createTopic();
                TestPublisher json =
                        new TestPublisher(TopicScorerStack.bootstrapServers(), world.topics, "payments-json")
                                .createTopic();
                TestPublisher ofStream =
                        new TestPublisher(TopicScorerStack.bootstrapServers(), world.topics, "payments-of-stream")
                                .createTopic()) {
            ofStream.publish(Payments.learnedOfStream("payments-of-stream"));
            avro.publish(Payments.learned("payments", "avro"));
            json.publish(Payments.learned("payments-json", "json"));
            List<byte[]> values = new ArrayList<>();
            for (int i = 0; i < Payments.COUNT; i++) {
                values.add(world.encoded(Payments.record(i, i % 2 == 0 ? Payments.FIRST : Payments.RENAMED)));
                byte[] text = TopicScorerWorld.bytes(Payments.json(i));
                values.add(world.encoded(Payments.record(i, i % 2 == 0 ? Payments.FIRST : Payments.RENAMED)));
                byte[] prefix = i % 2 == 0 ? new byte[0] : world.header(Payments.FIRST);
                values.add(ByteBuffer.allocate(prefix.length + text.length).put(prefix).put(text).array());
            }
            List<String> models = List.of("payments", "payments-of-stream", "payments-json");
            for (String model : models) {
                world.routers.put(model, world.follow(model));
            }
            world.start();
            for (int number = 0; number < values.size(); number++) {
                ProducerRecord<byte[], byte[]> request = new ProducerRecord<>(world.topics.requests(), 0,
                        TopicScorerWorld.bytes("key-" + number), values.get(number));
                request.headers().add(ModelChoice.HEADER, TopicScorerWorld.bytes(models.get(number % 3)));
                world.producer.send(request);
            }
            await().atMost(TopicScorerWorld.SOON).until(() -> world.all(world.topics.predictions()).size()
                    + world.all(world.topics.deadLetters()).size() == values.size());
            assertThat(world.all(world.topics.deadLetters()).stream()
                    .map(letter -> TopicScorerWorld.text(letter, "tidegrad-detail"))).isEmpty();
            List<ConsumerRecord<byte[], byte[]>> answers = world.all(world.topics.predictions());
            for (int number = 0; number < values.size(); number++) {
                ModelRouter router = world.routers.get(models.get(number % 3));
                assertThat(router).isNotNull();
                assertThat(world.prediction(answers.get(number)).getProbabilities()).containsExactly(
                        router.live().score(Payments.record(number / 3, Payments.FIRST)).probabilities()[0]);
            }
        }
    }

    @Test
    void aChallengerAnswersForItsKeysAndShadowsHearOfWhatTheLiveModelAnswers() throws Exception {
        String wide = "wide";
        String narrow = "narrow";
        PublishedSnapshot inJson = Payments.learned("payments-json", "json");
        try (TopicScorerWorld world = new TopicScorerWorld(2).published();
                TestPublisher theirs =
                        new TestPublisher(TopicScorerStack.bootstrapServers(), world.topics, wide).createTopic();
                TestPublisher shadows =
                        new TestPublisher(TopicScorerStack.bootstrapServers(), world.topics, narrow).createTopic();
                Scorer json = Scorer.of(inJson.manifest(),
                        inJson.records().stream().limit(inJson.records().size() - 1L).map(SnapshotEntry::value)
                                .toList(),
                        InstantSource.system());
                TestControl control =
                        new TestControl(TopicScorerStack.bootstrapServers(), world.topics).createTopic()) {
            theirs.publish(TestTrainer.of(wide, 1, 32).learn(20).publishFull());
            shadows.publish(TestTrainer.ofDistances(narrow).learn(20).publishFull());
            control.decide(world.model, new ControlAction.Challenge(wide, 1, 5_000));
            control.decide(world.model, new ControlAction.Shadow(narrow, 1));
            await().atMost(TopicScorerWorld.SOON)
                    .until(() -> world.router().trials().stream().filter(tried -> tried.scorer().ready()).count() == 2);
            String log = world.topics.prefix() + ".scored";
            world.logs = Map.of(world.model, log);
            // By Kafka's own timeouts: what is answered again after a lost session is heard again.
            TopicScorer topicScorer =
                    world.start(world.config(TopicScorerStack.bootstrapServers(), Map.of()), TopicClients.KAFKA);
            world.awaitState(topicScorer, TopicScorerStatus.State.REFUSED);
            assertThat(topicScorer.refusal()).hasValueSatisfying(
                    why -> assertThat(why).contains(log + ": expected the topic of what is served, found none"));
            try (Admin admin = TopicScorerWorld.admin()) {
                admin.createTopics(List.of(new NewTopic(log, 2, (short) 1))).all().get();
            }
            world.ask(200);
            world.awaitAnswered(topicScorer, 200);
            assertThat(topicScorer.status().logged()).isEqualTo(200);
            assertLogged(world, log);
            Map<String, Set<String>> answerers = new HashMap<>();
            int byLive = 0;
            for (ConsumerRecord<byte[], byte[]> record : world.all(world.topics.predictions())) {
                Prediction prediction = world.prediction(record);
                answerers.computeIfAbsent(prediction.getRequestId(), key -> new HashSet<>()).add(prediction.getModel());
                byLive += prediction.getModel().equals(world.model) ? 1 : 0;
            }
            assertThat(answerers.values()).contains(Set.of(wide), Set.of(world.model));
            answerers.forEach(
                    (key, models) -> assertThat(models).containsExactly(world.router().scorerFor(key).model()));
            assertThat(world.heard.stream().mapToInt(Predictions::size).sum()).isEqualTo(byLive);
            ServedVersion shadow = world.router().trials().getLast().scorer().current();
            assertThat(shadow).isNotNull();
            assertThat(shadow.model()).isEqualTo(narrow);
            assertThat(world.heardEvents.stream().mapToInt(events -> events.apply(shadow).size()).sum())
                    .isEqualTo(byLive);
            ServedVersion ofJson = json.current();
            assertThat(ofJson).isNotNull();
            assertThat(world.heardEvents).as("events of another format")
                    .allSatisfy(events -> assertThat(events.apply(ofJson)).isNull());
        }
    }

    /// The request's own bytes under its id, with what was answered, by whom and how likely. Both topics are partitioned
    /// alike, and written in one order.
    private static void assertLogged(TopicScorerWorld world, String log) throws Exception {
        Comparator<ConsumerRecord<byte[], byte[]>> order =
                Comparator.<ConsumerRecord<byte[], byte[]>>comparingInt(ConsumerRecord::partition)
                        .thenComparingLong(ConsumerRecord::offset);
        List<ConsumerRecord<byte[], byte[]>> answers =
                world.all(world.topics.predictions()).stream().sorted(order).toList();
        List<ConsumerRecord<byte[], byte[]>> logged = world.all(log).stream().sorted(order).toList();
        assertThat(logged).hasSameSizeAs(answers);
        for (int i = 0; i < logged.size(); i++) {
            Prediction answer = world.prediction(answers.get(i));
            int number = Integer.parseInt(TopicScorerWorld.text(answers.get(i), TopicScorerWorld.NUMBER));
            assertThat(logged.get(i).key()).isEqualTo(answers.get(i).key());
            assertThat(logged.get(i).value()).isEqualTo(world.value(number % TopicScorerWorld.EVENTS.length));
            assertThat(TraceContext.of(logged.get(i).headers())).isEqualTo(TopicScorerWorld.trace(number));
            assertThat(Served.read(logged.get(i).headers())).isEqualTo(new Served(answer.getModel(), answer.getEpoch(),
                    answer.getVersion(), answer.getOffset(), answer.getTime().toEpochMilli(),
                    answer.getModel().equals(world.model) ? Served.Stage.LIVE : Served.Stage.CHALLENGER, 0.5,
                    new float[]{answer.getProbabilities().getFirst()}));
        }
    }

    // ---- who dies between sending and committing ----

    @Test
    void whoDiesBetweenSendingAndCommittingLeavesNothingOutAndNothingTwice() throws Exception {
        assertThat(afterADeath(TopicClients.KAFKA)).isEmpty();
    }

    @ProvesOracle(Breaker.COMMITS_REQUESTS_OUTSIDE_THE_TRANSACTION)
    @Test
    void offsetsThatAreCommittedOutsideTheTransactionAreSeen() throws Exception {
        assertThat(afterADeath(BrokenClients.OFFSETS_OUTSIDE))
                .anyMatch(fault -> fault.endsWith("was answered 0 times"));
    }

    /// For the broker, a process that is cut off for good is one that was killed; and then it was not, and comes back.
    private static List<String> afterADeath(TopicClients clients) throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(PARTITIONS).published()) {
            TopicScorer dying = world.startBehindRelay(TopicScorerWorld.SHORT, clients);
            world.awaitPartitions(dying, PARTITIONS);
            world.ask(100);
            world.awaitAnswered(dying, 100);
            TopicScorerStack.KAFKA.hold(END_TXN);
            world.ask(100);
            assertThat(TopicScorerStack.KAFKA.awaitHeld(TopicScorerWorld.SOON)).isTrue();
            TopicScorerStack.KAFKA.refuse();
            TopicScorer next = world.start();
            world.awaitPartitions(next, PARTITIONS);
            world.ask(100);
            world.awaitEnd();
            TopicScorerStack.KAFKA.heal();
            world.ask(100);
            await().atMost(TopicScorerWorld.SOON).until(() -> dying.status().partitions() > 0);
            world.awaitEnd();
            return world.faults();
        }
    }

    // ---- who is taken for dead and is not ----

    @LongProof("a session that has to end")
    @Test
    void whoWasReplacedBeforeItSentItsOffsetsCommitsNothing() throws Exception {
        assertThat(afterAReplacement(TopicClients.KAFKA)).isEmpty();
    }

    @ProvesOracle(Breaker.FENCES_NO_TOPIC_SCORER)
    @Test
    void offsetsWithoutAGenerationAreSeen() throws Exception {
        assertThat(afterAReplacement(BrokenClients.NO_GENERATION))
                .anyMatch(fault -> fault.endsWith("was answered 2 times"));
    }

    private static List<String> afterAReplacement(TopicClients clients) throws Exception {
        // Its transaction outlives its session: only the generation can tell.
        Map<String, String> patient = Map.of("session.timeout.ms", "1500", "transaction.timeout.ms", "60000");
        try (TopicScorerWorld world = new TopicScorerWorld(PARTITIONS).published()) {
            TopicScorer stalling = world.startBehindRelay(patient, clients);
            world.awaitPartitions(stalling, PARTITIONS);
            TopicScorerStack.KAFKA.hold(TXN_OFFSET_COMMIT);
            world.ask(100);
            assertThat(TopicScorerStack.KAFKA.awaitHeld(TopicScorerWorld.SOON)).isTrue();
            TopicScorerStack.KAFKA.stall(TcpRelay.Direction.SENT);
            TopicScorer next = world.start();
            world.awaitPartitions(next, PARTITIONS);
            world.awaitAnswered(next, 100);
            TopicScorerStack.KAFKA.heal();
            await().atMost(TopicScorerWorld.SOON).until(() -> stalling.status().partitions() > 0);
            world.awaitEnd();
            return world.faults();
        }
    }

    @Test
    void whatWasInAnAbortedTransactionIsAnsweredByTheNext() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(PARTITIONS).published()) {
            TopicScorer topicScorer = world.start(
                    world.config(TopicScorerStack.bootstrapServers(), TopicScorerWorld.SHORT), BrokenClients.FAILING);
            world.ask(100);
            world.awaitEnd();
            assertThat(topicScorer.status().aborted()).isPositive();
            assertThat(world.faults()).isEmpty();
        }
    }

    // ---- networks ----

    @LongProof("a cut after each kind of request")
    @Test
    void aNetworkThatBreaksAnywhereCostsNoRequest() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(PARTITIONS).published()) {
            TopicScorer topicScorer = world.startBehindRelay(TopicScorerWorld.SHORT, TopicClients.KAFKA);
            world.awaitPartitions(topicScorer, PARTITIONS);
            SplittableRandom random = new SplittableRandom(18);
            for (int cut = 0; cut < 12; cut++) {
                TopicScorerStack.KAFKA.cutAfter(
                        random.nextBoolean() ? TcpRelay.Direction.SENT : TcpRelay.Direction.RECEIVED,
                        1 + random.nextInt(4_000));
                world.ask(60);
                await().atMost(TopicScorerWorld.SOON).pollInterval(Duration.ofMillis(10))
                        .until(() -> !TopicScorerStack.KAFKA.isCutDue());
            }
            TopicScorerStack.KAFKA.refuse();
            world.ask(100);
            assertThat(world.scorer().score(TopicScorerWorld.record(0)).probabilities())
                    .as("whoever else asks is answered meanwhile").hasSize(1);
            TopicScorerStack.KAFKA.heal();
            world.awaitEnd();
            assertThat(world.faults()).isEmpty();
        }
    }

    @LongProof("waits for a registry")
    @Test
    void aRegistryThatIsAwayIsWaitedForAndNothingIsADeadLetter() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(PARTITIONS).published()) {
            TopicScorer topicScorer = world.start();
            world.awaitPartitions(topicScorer, PARTITIONS);
            TopicScorerStack.REGISTRY.refuse();
            // No value's schema is known to the topic scorer yet.
            world.ask(50);
            world.awaitState(topicScorer, TopicScorerStatus.State.WAITING_FOR_REGISTRY);
            assertThat(topicScorer.status().detail()).contains("/schemas/ids/");
            assertThat(topicScorer.status().lag()).isPositive();
            assertThat(topicScorer.status().committed()).isZero();
            TopicScorerStack.REGISTRY.heal();
            world.awaitEnd();
            world.awaitState(topicScorer, TopicScorerStatus.State.RUNNING);
            TopicScorerStack.REGISTRY.refuse();
            world.ask(50); // a known schema needs no registry
            world.awaitEnd();
            assertThat(world.faults()).isEmpty();
        }
    }

    // ---- before there is a model ----

    @LongProof("a group that has to end")
    @Test
    void withoutAVersionThatServesNoRequestIsTakenFromWhoMayHaveOne() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(PARTITIONS)) {
            world.ask(50);
            TopicScorer topicScorer = world.start();
            world.awaitState(topicScorer, TopicScorerStatus.State.WAITING_FOR_MODEL);
            try (var admin = TopicScorerWorld.admin()) {
                String group = world.topics.requestsGroup();
                assertThat(admin.listGroups().all().get()).noneMatch(listed -> listed.groupId().equals(group));
                world.published();
                world.awaitEnd();
                assertThat(admin.describeConsumerGroups(List.of(group)).all().get().values()).singleElement()
                        .satisfies(described -> assertThat(described.members()).hasSize(1));
            }
            assertThat(world.faults()).isEmpty();
        }
    }
}
