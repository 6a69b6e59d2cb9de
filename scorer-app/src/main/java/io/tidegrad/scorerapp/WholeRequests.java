package io.tidegrad.scorerapp;

import io.grpc.ForwardingServerCallListener;
import io.grpc.KnownLength;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;
import io.tidegrad.ops.http.EndedConnection;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Lets one complete message through and refuses everything else: no message, a second one, one that is no protobuf or
/// too large, one that arrives too late. The library would report most of these as a defect of the server, and would
/// wait for the last one for ever. A message is parsed and scored only once it has a place to be processed.
///
/// @param within how long a request may take to arrive; if its response is not read within three times as long, the
///     connection is closed, because a client that opens no window would keep responses in memory for ever
/// @param connections told what their calls do
/// @param work bound on concurrent processing of messages, except health, which is always answered
record WholeRequests(Duration within, GrpcConnections connections, ServedModels models, WorkLimit work,
        ScheduledExecutorService timers) implements ServerInterceptor {
    /// A response may take this many times as long to be read as a request may take to arrive.
    private static final int ANSWER_WITHIN = 3;

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(ServerCall<Q, A> call, Metadata headers,
            ServerCallHandler<Q, A> next) {
        return new Whole<>(call, next.startCall(call, headers));
    }

    private final class Whole<Q> extends ForwardingServerCallListener<Q> {
        private final ServerCall<Q, ?> call;
        private final ServerCall.Listener<Q> of;
        private final GrpcConnections.@Nullable Connection connection; // null when it is gone
        private volatile Future<?> timer;
        private byte @Nullable [] message;
        private int messages;
        private boolean whole;
        private boolean refused;

        Whole(ServerCall<Q, ?> call, ServerCall.Listener<Q> of) {
            this.call = call;
            this.of = of;
            connection = connections.of(call);
            if (connection != null) {
                connection.asked();
                CallMemory.ofThisCall().isOf(connection);
            }
            timer = timers.schedule(() -> beforeItIsWhole(RequestBody.tooSlow()), within.toMillis(),
                    TimeUnit.MILLISECONDS);
            CallMemory.ofThisCall().whenRefused(this::beforeItIsWhole);
        }

        @Override
        protected ServerCall.Listener<Q> delegate() {
            return of;
        }

        @Override
        public synchronized void onMessage(Q stream) {
            if (refused) {
                return;
            }
            if (++messages > 1) {
                refuse(HttpProblem.notARequest("expected one message, found another"));
                return;
            }
            try {
                message = ((InputStream) stream).readAllBytes();
            } catch (StatusRuntimeException e) {
                refuse(new HttpProblem(ProblemReason.BODY_TOO_LARGE,
                        "expected a message of at most max-body-bytes, found a larger one"));
            } catch (IOException e) {
                refuse(HttpProblem.notARequest("expected a message that can be read"));
            }
        }

        @Override
        public void onHalfClose() {
            synchronized (this) {
                timer.cancel(false);
                if (!refused && messages == 0) {
                    refuse(HttpProblem.notARequest("expected one message, found none"));
                }
                if (refused) {
                    return;
                }
                whole = true;
            }
            timer = timers.schedule(this::endUnread, ANSWER_WITHIN * within.toMillis(), TimeUnit.MILLISECONDS);
            if (connection != null) {
                connection.works();
            }
            try {
                work();
            } finally {
                message = null; // the call may wait long for its client
                if (connection != null) {
                    connection.worked();
                }
            }
        }

        private void endUnread() {
            if (connection != null) {
                connection.end(EndedConnection.UNREAD);
            }
        }

        private void work() {
            if (TokenCheck.isOpen(call.getMethodDescriptor())) {
                answer();
                return;
            }
            Supplier<Boolean> answering = () -> {
                answer();
                return whole;
            };
            try {
                if (connection == null) {
                    work.within(answering); // it is gone, and what it asked for will be cancelled
                } else {
                    work.within(connection.turns(), answering);
                }
            } catch (HttpProblem overloaded) {
                refuse(overloaded);
            }
        }

        @SuppressWarnings("unchecked") // messages are streams here, whatever they become
        private void answer() {
            try {
                of.onMessage((Q) new Message(Objects.requireNonNull(message)));
            } catch (StatusRuntimeException e) {
                refuse(HttpProblem.notARequest("expected a message of the protocol in protobuf"));
                return;
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

        private synchronized void beforeItIsWhole(HttpProblem problem) {
            if (!whole && !refused) {
                refuse(problem);
            }
        }

        private void refuse(HttpProblem problem) {
            refused = true;
            models.refused(ScorerMetrics.NO_MODEL, problem.reason());
            call.close(InferService.status(problem), new Metadata());
        }
    }

    /// A message in memory that tells its reader its length.
    private static final class Message extends ByteArrayInputStream implements KnownLength {
        Message(byte[] bytes) {
            super(bytes);
        }
    }
}
