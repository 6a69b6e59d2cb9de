package io.tidegrad.console;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;

/// The newest elements of a sequence.
final class Bounded<T> {
    private final int max;
    private final Deque<T> elements = new ArrayDeque<>();

    Bounded(int max) {
        this.max = max;
    }

    void add(T element) {
        if (elements.size() == max) {
            elements.removeFirst();
        }
        elements.addLast(element);
    }

    List<T> newestFirst() {
        List<T> all = new ArrayList<>(elements);
        Collections.reverse(all);
        return all;
    }
}
