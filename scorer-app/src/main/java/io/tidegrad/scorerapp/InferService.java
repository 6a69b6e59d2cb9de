package io.tidegrad.scorerapp;

import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.tidegrad.schemas.Build;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase;
import io.tidegrad.scorerapp.inference.ModelInferRequest;
import io.tidegrad.scorerapp.inference.ModelInferResponse;
import io.tidegrad.scorerapp.inference.ModelMetadataRequest;
import io.tidegrad.scorerapp.inference.ModelMetadataResponse;
import io.tidegrad.scorerapp.inference.ModelReadyRequest;
import io.tidegrad.scorerapp.inference.ModelReadyResponse;
import io.tidegrad.scorerapp.inference.ServerLiveRequest;
import io.tidegrad.scorerapp.inference.ServerLiveResponse;
import io.tidegrad.scorerapp.inference.ServerMetadataRequest;
import io.tidegrad.scorerapp.inference.ServerMetadataResponse;
import io.tidegrad.scorerapp.inference.ServerReadyRequest;
import io.tidegrad.scorerapp.inference.ServerReadyResponse;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The Open Inference Protocol over gRPC.
final class InferService extends GRPCInferenceServiceImplBase {
    private static final Logger log = LoggerFactory.getLogger(InferService.class);

    private final ServedModels models;
    private final OpenInference protocol;
    private final BooleanSupplier live;

    InferService(ServedModels models, BooleanSupplier live) {
        this.models = models;
        protocol = new OpenInference(models);
        this.live = live;
    }

    @Override
    public void serverLive(ServerLiveRequest request, StreamObserver<ServerLiveResponse> observer) {
        answer(ScorerMetrics.NO_MODEL, observer,
                to -> to.onNext(ServerLiveResponse.newBuilder().setLive(live.getAsBoolean()).build()));
    }

    @Override
    public void serverReady(ServerReadyRequest request, StreamObserver<ServerReadyResponse> observer) {
        answer(ScorerMetrics.NO_MODEL, observer,
                to -> to.onNext(ServerReadyResponse.newBuilder().setReady(models.ready()).build()));
    }

    @Override
    public void modelReady(ModelReadyRequest request, StreamObserver<ModelReadyResponse> observer) {
        answer(request.getName(), observer, to -> to.onNext(ModelReadyResponse.newBuilder()
                .setReady(protocol.ready(request.getName(), given(request.getVersion()))).build()));
    }

    @Override
    public void serverMetadata(ServerMetadataRequest request, StreamObserver<ServerMetadataResponse> observer) {
        answer(ScorerMetrics.NO_MODEL, observer, to -> to.onNext(
                ServerMetadataResponse.newBuilder().setName(OpenInference.SERVER).setVersion(Build.version()).build()));
    }

    @Override
    public void modelMetadata(ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> observer) {
        answer(request.getName(), observer, to -> {
            OpenInference.Metadata metadata = protocol.metadata(request.getName(), given(request.getVersion()));
            to.onNext(ModelMetadataResponse.newBuilder().setName(metadata.name()).addAllVersions(metadata.versions())
                    .setPlatform(OpenInference.PLATFORM).addAllInputs(tensors(metadata.inputs()))
                    .addAllOutputs(tensors(metadata.outputs())).build());
        });
    }

    @Override
    public void modelInfer(ModelInferRequest request, StreamObserver<ModelInferResponse> observer) {
        answer(request.getModelName(), observer, to -> {
            ModelRouter asked = models.router(request.getModelName());
            models.answer(asked.name(), () -> {
                OpenInference.Answer answer = protocol.infer(asked, given(request.getModelVersion()),
                        GrpcTensors.read(request), request.getSerializedSize(), CallTrace.current());
                to.onNext(GrpcTensors.answer(answer, GrpcTensors.isRaw(request)));
                return answer.predictions().size();
            });
        });
    }

    private static List<ModelMetadataResponse.TensorMetadata> tensors(List<TensorInfo> tensors) {
        return tensors.stream()
                .map(tensor -> ModelMetadataResponse.TensorMetadata.newBuilder().setName(tensor.name())
                        .setDatatype(tensor.type().name())
                        .addAllShape(tensor.shape().stream().map(Integer::longValue).toList()).build())
                .toList();
    }

    private static @Nullable String given(String version) {
        return version.isEmpty() ? null : version;
    }

    /// @param answering sends the only message of a response
    private <A> void answer(String model, StreamObserver<A> observer, Consumer<StreamObserver<A>> answering) {
        if (observer instanceof ServerCallStreamObserver<A> call) {
            call.setOnCancelHandler(() -> log.debug("a client of {} did not wait", StrictJson.printable(model)));
        }
        try {
            answering.accept(observer);
            observer.onCompleted();
        } catch (HttpProblem problem) {
            refuse(model, observer, problem);
        } catch (RuntimeException e) {
            log.error("an answer of model {} failed", StrictJson.printable(model), e);
            refuse(model, observer, HttpProblem.internal());
        }
    }

    private void refuse(String model, StreamObserver<?> observer, HttpProblem problem) {
        models.refused(model, problem.reason());
        observer.onError(status(problem).asRuntimeException());
    }

    /// Returns the gRPC status for the HTTP status of the problem's reason.
    static Status status(HttpProblem problem) {
        Status status = switch (problem.reason().status().code()) {
            case 401 -> Status.UNAUTHENTICATED;
            case 404, 410 -> Status.NOT_FOUND;
            case 408 -> Status.DEADLINE_EXCEEDED;
            case 413 -> Status.RESOURCE_EXHAUSTED;
            case 500 -> Status.INTERNAL;
            case 503 -> Status.UNAVAILABLE;
            default -> Status.INVALID_ARGUMENT;
        };
        return status.withDescription(InferResponses.text(problem));
    }
}
