package io.tidegrad.scorerapp;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;

/// What the bodies of all requests take together while they are read and worked on. Each takes as much as has come of
/// it, not as much as it says, and its first 16 KiB are not counted: small requests are read whatever large ones take.
final class BodyMemory {
    static final int FREE_BYTES = 16 * 1024;

    private final long maxBytes;
    private final AtomicLong takenByAll = new AtomicLong();

    /// @param maxBytes of all, beyond what each has free
    BodyMemory(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /// Bytes, of all bodies, beyond what each has free.
    long taken() {
        return takenByAll.get();
    }

    /// What one body takes; to be closed when nothing of it is needed any more. One thread at a time.
    final class Share implements AutoCloseable {
        private long taken;

        /// @param bytes in all
        /// @throws HttpProblem `overloaded`; it takes what it took before
        void grow(long bytes) {
            long more = Math.max(0, bytes - FREE_BYTES) - taken;
            if (takenByAll.addAndGet(more) > maxBytes) {
                takenByAll.addAndGet(-more);
                throw new HttpProblem(ProblemReason.OVERLOADED,
                        "the requests that are under way take all the memory for bodies"
                                + " (--max-bodies-bytes); ask again later");
            }
            taken += more;
        }

        @Override
        public void close() {
            takenByAll.addAndGet(-taken);
            taken = 0;
        }
    }

    Share share() {
        return new Share();
    }

    /// One body; to be closed when nothing of it is needed any more. One thread.
    final class Body implements AutoCloseable {
        private final Share share = new Share();
        private byte[] bytes = {};

        private Body() {}

        byte[] bytes() {
            return bytes;
        }

        private void read(InputStream from, int most) throws IOException {
            byte[] read = new byte[Math.min(most, FREE_BYTES)];
            int length = 0;
            while (true) {
                int count = from.read(read, length, read.length - length);
                if (count < 0) {
                    break;
                }
                length += count;
                if (length == most) {
                    break;
                }
                if (length == read.length) {
                    int longer = (int) Math.min(most, 2L * length);
                    share.grow(longer);
                    read = Arrays.copyOf(read, longer);
                }
            }
            bytes = length == read.length ? read : Arrays.copyOf(read, length);
        }

        @Override
        public void close() {
            share.close();
        }
    }

    Body none() {
        return new Body();
    }

    /// @param most bytes that are read
    /// @throws HttpProblem `overloaded`
    Body read(InputStream from, int most) throws IOException {
        Body body = new Body();
        boolean whole = false;
        try {
            body.read(from, most);
            whole = true;
            return body;
        } finally {
            if (!whole) {
                body.close();
            }
        }
    }
}
