package io.tidegrad.scorerapp;

import io.grpc.ForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/// Lets one whole message through and refuses the rest: none, a second one, one that is no protobuf or too large, one that
/// does not come in time. The library would call most of these a defect of the server, and wait for the last for ever.
final class WholeRequests implements ServerInterceptor {
    private final Duration within;
    private final ServedModels models;
    private final ScheduledExecutorService timers;

    WholeRequests(Duration within, ServedModels models, ScheduledExecutorService timers) {
        this.within = within;
        this.models = models;
        this.timers = timers;
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        return new Whole<>(call, next.startCall(call, headers));
    }

    private final class Whole<Q> extends ForwardingServerCallListener<Q> {
        private final ServerCall<Q, ?> call;
        private final ServerCall.Listener<Q> of;
        private final Future<?> timer;
        private int messages;
        private boolean whole;
        private boolean refused;

        Whole(ServerCall<Q, ?> call, ServerCall.Listener<Q> of) {
            this.call = call;
            this.of = of;
            timer = timers.schedule(this::tooSlow, within.toMillis(), TimeUnit.MILLISECONDS);
        }

        @Override
        protected ServerCall.Listener<Q> delegate() {
            return of;
        }

        @Override
        public synchronized void onMessage(Q message) {
            if (refused) {
                return;
            }
            if (++messages > 1) {
                refuse(notARequest("expected one message, found another"));
                return;
            }
            try {
                of.onMessage(message);
            } catch (StatusRuntimeException e) {
                refuse(
                        e.getStatus().getCode() == Status.Code.RESOURCE_EXHAUSTED
                                ? new HttpProblem(
                                        ProblemReason.BODY_TOO_LARGE,
                                        "a message of more than --max-body-bytes")
                                : notARequest("expected a message of the protocol in protobuf"));
            }
        }

        @Override
        public void onHalfClose() {
            synchronized (this) {
                timer.cancel(false);
                if (!refused && messages == 0) {
                    refuse(notARequest("expected one message, found none"));
                }
                if (refused) {
                    return;
                }
                whole = true;
            }
            of.onHalfClose();
        }

        @Override
        public void onCancel() {
            timer.cancel(false);
            of.onCancel();
        }

        @Override
        public void onComplete() {
            timer.cancel(false);
            of.onComplete();
        }

        private synchronized void tooSlow() {
            if (!whole && !refused) {
                refuse(RequestBody.tooSlow());
            }
        }

        private void refuse(HttpProblem problem) {
            refused = true;
            models.refused(ScorerMetrics.NO_MODEL, problem.reason());
            call.close(InferService.status(problem), new Metadata());
        }
    }

    private static HttpProblem notARequest(String message) {
        return new HttpProblem(ProblemReason.NOT_A_REQUEST, message);
    }
}
