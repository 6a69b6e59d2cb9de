package io.tidegrad.trainer.publish;

import io.tidegrad.trainer.store.Accounts;
import java.util.ArrayDeque;

/// What became of the events of about the last minute: one look at the accounts a second.
final class RecentAccounts {
    private static final int LOOKS_MAX = 61;

    private final ArrayDeque<Accounts> looks = new ArrayDeque<>(LOOKS_MAX);

    void add(Accounts accounts) {
        if (looks.size() == LOOKS_MAX) {
            looks.removeFirst();
        }
        looks.addLast(accounts);
    }

    /// Dead letters among the events in between, 0 to 1; NaN when there were none.
    double deadLetterShare() {
        if (looks.isEmpty()) {
            return Double.NaN;
        }
        Accounts then = looks.getFirst();
        Accounts now = looks.getLast();
        double refused = now.deadLetters() - then.deadLetters();
        return refused / (refused + now.accepted() - then.accepted());
    }
}
