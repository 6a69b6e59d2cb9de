package io.tidegrad.schemas;

import java.io.ByteArrayOutputStream;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/// An answer's body, read no further than a byte beyond what is taken: a body of that length is one that was cut. The
/// JDK's own limit fails with the same exception as a broken connection, after which one would ask again, for ever.
final class CutBody implements BodySubscriber<byte[]> {
    private final int bytesMax;
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private final CompletableFuture<byte[]> result = new CompletableFuture<>();
    private Flow.@Nullable Subscription subscription;

    CutBody(int bytesMax) {
        this.bytesMax = bytesMax;
    }

    @Override
    public CompletionStage<byte[]> getBody() {
        return result;
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
        this.subscription = subscription;
        subscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
        for (ByteBuffer buffer : buffers) {
            byte[] piece = new byte[Math.min(buffer.remaining(), bytesMax + 1 - body.size())];
            buffer.get(piece);
            body.writeBytes(piece);
        }
        if (body.size() > bytesMax && !result.isDone()) {
            result.complete(body.toByteArray());
            Flow.Subscription open = subscription;
            if (open != null) {
                open.cancel();
            }
        }
    }

    @Override
    public void onError(Throwable failure) {
        result.completeExceptionally(failure);
    }

    @Override
    public void onComplete() {
        result.complete(body.toByteArray());
    }
}
