package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.proof.Mutations;
import io.tidegrad.schemas.Build;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import io.tidegrad.scorerapp.inference.InferTensorContents;
import io.tidegrad.scorerapp.inference.ModelInferRequest;
import io.tidegrad.scorerapp.inference.ModelInferRequest.InferInputTensor;
import io.tidegrad.scorerapp.inference.ModelInferRequest.InferRequestedOutputTensor;
import io.tidegrad.scorerapp.inference.ModelInferResponse;
import io.tidegrad.scorerapp.inference.ModelMetadataRequest;
import io.tidegrad.scorerapp.inference.ModelMetadataResponse;
import io.tidegrad.scorerapp.inference.ModelReadyRequest;
import io.tidegrad.scorerapp.inference.ServerLiveRequest;
import io.tidegrad.scorerapp.inference.ServerMetadataRequest;
import io.tidegrad.scorerapp.inference.ServerReadyRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.StreamHandler;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// The Open Inference Protocol over gRPC, asked by grpc-java's own client: a server of one model in this process.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GrpcTest {
    private static final long[] OFFSETS = LongStream.range(0, 100).toArray();
    private static final Duration WITHIN = Duration.ofSeconds(10);

    private final TestTrainer trainer = TestTrainer.of("flights").learn(300);
    private final Scorer scorer = scorer(trainer.publish());
    private final Shadows shadows = new Shadows((pair, comparison) -> {
    });
    private final GrpcServer server = server(WITHIN);
    private final ManagedChannel channel = channel(server);
    private final GRPCInferenceServiceBlockingStub client = GRPCInferenceServiceGrpc.newBlockingStub(channel);

    private static Scorer scorer(PublishedSnapshot snapshot) {
        return Scorer.of(snapshot.manifest(),
                snapshot.records().stream().limit(snapshot.records().size() - 1L).map(SnapshotEntry::value).toList(),
                InstantSource.system());
    }

    private GrpcServer server(Duration within, String... settings) {
        return server(within, () -> true, settings);
    }

    private GrpcServer server(Duration within, BooleanSupplier live, String... settings) {
        List<String> arguments = new ArrayList<>(List.of("--bootstrap-servers", "none:1", "--model", "flights"));
        arguments.addAll(List.of(settings));
        ServerConfig config = ScorerConfig.parse(arguments, Map.of()).server();
        ScorerMetrics metrics = new ScorerMetrics(List.of(scorer), InstantSource.system());
        ServedModels models = new ServedModels(Map.of("flights", ModelRouter.of(scorer)), metrics, shadows,
                config.maxBodyBytes(), false, (topic, field) -> false, ServedLogs.NONE);
        return new GrpcServer(config, 0, models, RequestLimits.of(config), live, within, metrics::connectionEnded);
    }

    private static ManagedChannel channel(GrpcServer server) {
        return NettyChannelBuilder.forAddress("127.0.0.1", server.port()).usePlaintext().build();
    }

    @AfterAll
    void close() {
        channel.shutdownNow();
        server.close();
        shadows.close();
        scorer.close();
    }

    private static ModelInferRequest request(boolean raw) {
        ModelInferRequest.Builder request = ModelInferRequest.newBuilder().setModelName("flights").setId("42")
                .addOutputs(InferRequestedOutputTensor.newBuilder().setName("probabilities"));
        for (String field : List.of("departed", "distance", "origin", "destination")) {
            boolean text = field.equals("origin") || field.equals("destination");
            InferInputTensor.Builder input = InferInputTensor.newBuilder().setName(field)
                    .setDatatype(text ? "BYTES" : "INT64").addShape(OFFSETS.length);
            ByteBuffer bytes = ByteBuffer.allocate(8 * OFFSETS.length).order(ByteOrder.LITTLE_ENDIAN);
            InferTensorContents.Builder contents = InferTensorContents.newBuilder();
            for (long offset : OFFSETS) {
                if (TestTrainer.event(offset).get(field) instanceof Number number) {
                    bytes.putLong(number.longValue());
                    contents.addInt64Contents(number.longValue());
                } else {
                    byte[] name = String.valueOf(TestTrainer.event(offset).get(field)).getBytes(StandardCharsets.UTF_8);
                    bytes.putInt(name.length).put(name);
                    contents.addBytesContents(ByteString.copyFrom(name));
                }
            }
            request.addInputs(raw ? input : input.setContents(contents));
            if (raw) {
                request.addRawInputContents(ByteString.copyFrom(bytes.flip()));
            }
        }
        return request.build();
    }

    @Test
    void healthAndMetadataAreThoseOfHttp() {
        assertThat(client.serverLive(ServerLiveRequest.getDefaultInstance()).getLive()).isTrue();
        assertThat(client.serverReady(ServerReadyRequest.getDefaultInstance()).getReady()).isTrue();
        assertThat(client.modelReady(ModelReadyRequest.newBuilder().setName("flights").setVersion("1.300").build())
                .getReady()).isTrue();
        assertThat(client.serverMetadata(ServerMetadataRequest.getDefaultInstance()).getVersion())
                .isEqualTo(Build.version());
        ModelMetadataResponse metadata =
                client.modelMetadata(ModelMetadataRequest.newBuilder().setName("flights").build());
        assertThat(metadata.getVersionsList()).containsExactly("1.300");
        assertThat(metadata.getPlatform()).isEqualTo("tidegrad_snapshot");
        assertThat(metadata.getInputsList()).extracting(ModelMetadataResponse.TensorMetadata::getName)
                .containsExactly("distance", "departed", "origin", "destination");
        assertThat(metadata.getOutputs(0).getShapeList()).containsExactly(-1L, 1L);
    }

    @Test
    void anAnswerHasTheTrainersBitsTypedAndRaw() {
        ModelInferResponse typed = client.modelInfer(request(false));
        assertThat(typed.getModelName()).isEqualTo("flights");
        assertThat(typed.getModelVersion()).isEqualTo("1.300");
        assertThat(typed.getId()).isEqualTo("42");
        assertThat(typed.getParametersOrThrow("offset").getInt64Param()).isEqualTo(300);
        assertThat(typed.getParametersOrThrow("model").getStringParam()).isEqualTo("flights");
        assertThat(typed.getOutputs(0).getName()).isEqualTo("probabilities");
        assertThat(typed.getOutputs(0).getDatatype()).isEqualTo("FP32");
        assertThat(typed.getOutputs(0).getShapeList()).containsExactly((long) OFFSETS.length, 1L);
        assertThat(typed.getRawOutputContentsCount()).isZero();
        float[] expected = trainer.answers(OFFSETS);
        List<Float> contents = typed.getOutputs(0).getContents().getFp32ContentsList();
        assertThat(contents).hasSize(expected.length);

        ModelInferResponse raw = client.modelInfer(request(true));
        assertThat(raw.getOutputs(0).hasContents()).isFalse();
        ByteBuffer bytes = raw.getRawOutputContents(0).asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < expected.length; i++) {
            int bits = Float.floatToRawIntBits(expected[i]);
            assertThat(Float.floatToRawIntBits(contents.get(i))).isEqualTo(bits);
            assertThat(bytes.getInt()).isEqualTo(bits);
        }
        assertThat(bytes.hasRemaining()).isFalse();
    }

    private void assertRefused(ModelInferRequest request, Status.Code code, String description) {
        assertThatThrownBy(() -> client.modelInfer(request)).isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
            assertThat(e.getStatus().getCode()).as(e.toString()).isEqualTo(code);
            assertThat(e.getStatus().getDescription()).contains(description).doesNotContain("Exception", "io.tidegrad");
        });
    }

    @Test
    void aMistakeIsToldByStatusAndDescription() {
        ModelInferRequest right = request(false);
        assertRefused(right.toBuilder().setModelName("other").build(), Status.Code.NOT_FOUND,
                "unknown-model: no model 'other'");
        assertRefused(right.toBuilder().setModelVersion("7").build(), Status.Code.NOT_FOUND,
                "unknown-version: no version '7' of model 'flights' is served here; served: 1.300");
        assertRefused(right.toBuilder().removeInputs(1).build(), Status.Code.INVALID_ARGUMENT,
                "missing-field: record 0: field 'distance'");
        assertRefused(right.toBuilder().setOutputs(0, InferRequestedOutputTensor.newBuilder().setName("p")).build(),
                Status.Code.INVALID_ARGUMENT, "unknown-output");
        assertRefused(right.toBuilder().clearInputs().build(), Status.Code.INVALID_ARGUMENT, "not-a-request");
        InferInputTensor origin = right.getInputs(2);
        assertRefused(
                right.toBuilder()
                        .setInputs(2,
                                origin.toBuilder()
                                        .setContents(origin.getContents().toBuilder().setBytesContents(7,
                                                ByteString.copyFrom(new byte[]{-1}))))
                        .build(),
                Status.Code.INVALID_ARGUMENT,
                "wrong-type: record 7: field 'origin': expected string, number, boolean or null, found bytes that"
                        + " are no UTF-8");
    }

    @Test
    void aMessageBeyondTheLimitIsRefused() {
        List<LogRecord> logged = new CopyOnWriteArrayList<>();
        Handler listening = new StreamHandler() {
            @Override
            public void publish(LogRecord entry) {
                logged.add(entry);
            }
        };
        Logger.getLogger("io.grpc").addHandler(listening);
        ModelInferRequest large = request(false).toBuilder().setId("x".repeat(1 << 20)).build();
        assertThatThrownBy(() -> client.modelInfer(large)).isInstanceOfSatisfying(StatusRuntimeException.class,
                e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED));
        assertThat(client.modelInfer(request(false)).getId()).as("afterwards").isEqualTo("42");
        Logger.getLogger("io.grpc").removeHandler(listening);
        assertThat(logged).as("a log that any client can fill").isEmpty();
    }

    /// As they come, without a message's meaning.
    private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /// What comes of a call that sends these messages.
    private static Status call(ManagedChannel channel, boolean halfClose, byte[]... messages) {
        MethodDescriptor<byte[], byte[]> method =
                MethodDescriptor.<byte[], byte[]>newBuilder().setType(MethodDescriptor.MethodType.BIDI_STREAMING)
                        .setFullMethodName("inference.GRPCInferenceService/ModelInfer")
                        .setRequestMarshaller(new Bytes()).setResponseMarshaller(new Bytes()).build();
        ClientCall<byte[], byte[]> call = channel.newCall(method, CallOptions.DEFAULT);
        CompletableFuture<Status> end = new CompletableFuture<>();
        call.start(new ClientCall.Listener<>() {
            @Override
            public void onClose(Status status, Metadata trailers) {
                end.complete(status);
            }
        }, new Metadata());
        call.request(2);
        for (byte[] message : messages) {
            call.sendMessage(message);
        }
        if (halfClose) {
            call.halfClose();
        }
        return end.orTimeout(60, TimeUnit.SECONDS).join();
    }

    @Test
    void whatIsNotOneMessageIsAClientsMistake() {
        byte[] right = request(false).toByteArray();
        assertThat(call(channel, true, right).getCode()).isEqualTo(Status.Code.OK);
        for (byte[][] messages : List.of(new byte[][]{}, new byte[][]{right, right}, new byte[][]{{-1, -1, -1}},
                new byte[][]{Arrays.copyOf(right, right.length - 1)})) {
            Status status = call(channel, true, messages);
            assertThat(status.getCode()).as(status.toString()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(status.getDescription()).startsWith("not-a-request: expected");
        }
    }

    @Test
    void aRequestThatDoesNotComeInTimeIsRefused() {
        GrpcServer impatient = server(Duration.ofMillis(100));
        ManagedChannel to = channel(impatient);
        try {
            // A connection, too, has to begin in time: on a busy machine another try does.
            await().atMost(Duration.ofMinutes(1)).ignoreExceptionsInstanceOf(StatusRuntimeException.class)
                    .until(() -> isLive(to));
            for (byte[][] messages : List.of(new byte[][]{}, new byte[][]{request(false).toByteArray()})) {
                Status status = call(to, false, messages);
                assertThat(status.getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
                assertThat(status.getDescription()).startsWith("too-slow: ");
            }
        } finally {
            to.shutdownNow();
            impatient.close();
        }
    }

    private static boolean isLive(ManagedChannel to) {
        return GRPCInferenceServiceGrpc.newBlockingStub(to).withDeadlineAfter(60, TimeUnit.SECONDS)
                .serverLive(ServerLiveRequest.getDefaultInstance()).getLive();
    }

    /// Also those that have said half of what a connection begins with.
    @Test
    void connectionsThatSayNothingDoNotKeepOthersOut() throws IOException {
        GrpcServer narrow = server(WITHIN, "--max-connections", "4");
        List<Socket> silent = new ArrayList<>();
        byte[] preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
        try {
            for (int i = 0; i < 50; i++) {
                Socket socket = new Socket("127.0.0.1", narrow.port());
                socket.getOutputStream().write(preface, 0, i % 3 * preface.length / 2);
                silent.add(socket);
                if (i % 10 == 9) {
                    ManagedChannel to = channel(narrow);
                    assertThat(isLive(to)).isTrue();
                    to.shutdownNow();
                }
            }
            for (Socket displaced : silent.subList(0, silent.size() - 4)) {
                displaced.setSoTimeout(60_000);
                assertThat(isAtItsEnd(displaced)).isTrue();
            }
        } finally {
            for (Socket socket : silent) {
                socket.close();
            }
            narrow.close();
        }
    }

    /// Whatever it was told before.
    private static boolean isAtItsEnd(Socket socket) throws IOException {
        try {
            socket.getInputStream().readAllBytes();
            return true;
        } catch (SocketTimeoutException open) {
            return false;
        } catch (SocketException reset) {
            return true;
        }
    }

    @Test
    void aConnectionWhoseCallIsWorkedOnIsNotEndedForTheNext() throws Exception {
        CountDownLatch working = new CountDownLatch(1);
        CountDownLatch worked = new CountDownLatch(1);
        GrpcServer narrow = server(WITHIN, () -> {
            working.countDown();
            try {
                return worked.await(60, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }, "--max-connections", "1");
        ManagedChannel to = channel(narrow);
        try {
            CompletableFuture<Boolean> first = CompletableFuture.supplyAsync(() -> isLive(to));
            working.await();
            try (Socket second = new Socket("127.0.0.1", narrow.port())) {
                second.setSoTimeout(60_000);
                assertThat(isAtItsEnd(second)).isTrue();
            }
            assertThat(first).isNotDone();
            worked.countDown();
            assertThat(first.get(60, TimeUnit.SECONDS)).isTrue();
            ManagedChannel next = channel(narrow);
            assertThat(isLive(next)).isTrue();
            next.shutdownNow();
        } finally {
            worked.countDown();
            to.shutdownNow();
            narrow.close();
        }
    }

    /// Whatever the bytes: an answer, or a status that says whose mistake it was.
    @Test
    void aMutatedMessageIsAnsweredOrRefused() {
        long seed = Long.getLong("seed", 20_261_126L);
        System.out.println("mutated messages: -Dseed=" + seed);
        Mutations mutations = new Mutations(seed);
        List<byte[]> right = Stream.of(request(false), request(true)).map(ModelInferRequest::toByteArray).toList();
        Map<Status.Code, Integer> seen = new TreeMap<>();
        for (int i = 0; i < 1_000; i++) {
            Status status = call(channel, true, mutations.of(right.get(i % 2)));
            seen.merge(status.getCode(), 1, Integer::sum);
            assertThat(status.getCode()).as("mutation %d of seed %d: %s", i, seed, status).isIn(Status.Code.OK,
                    Status.Code.INVALID_ARGUMENT, Status.Code.NOT_FOUND, Status.Code.RESOURCE_EXHAUSTED);
        }
        System.out.println("statuses: " + seen);
        assertThat(seen.get(Status.Code.OK)).isPositive();
        assertThat(seen.get(Status.Code.INVALID_ARGUMENT)).isGreaterThan(100);
    }

    @Test
    void aTakenPortIsToldAtTheStart() {
        ServerConfig config =
                ScorerConfig.parse(List.of("--bootstrap-servers", "none:1", "--model", "flights"), Map.of()).server();
        ServedModels none = new ServedModels(Map.of(), new ScorerMetrics(List.of(), InstantSource.system()), shadows, 1,
                false, (topic, field) -> false, ServedLogs.NONE);
        assertThatThrownBy(
                () -> new GrpcServer(config, server.port(), none, RequestLimits.of(config), () -> true, WITHIN, why -> {
                })).isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("can't listen on 127.0.0.1:" + server.port());
    }
}
