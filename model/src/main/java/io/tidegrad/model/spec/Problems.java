package io.tidegrad.model.spec;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.snakeyaml.engine.v2.exceptions.Mark;

/// The mistakes found so far, each with its place.
public final class Problems {
    private record Problem(int line, int column, String text) {
    }

    private final List<Problem> problems = new ArrayList<>();
    private final boolean registered;

    public Problems() {
        this(false);
    }

    /// @param registered whether a model lives by the spec already, so that rules that came later are no mistakes in it
    Problems(boolean registered) {
        this.registered = registered;
    }

    boolean isOfRegistered() {
        return registered;
    }

    public void add(Optional<Mark> at, String text) {
        // Marks count from 0, people and editors from 1.
        int line = at.map(Mark::getLine).orElse(0) + 1;
        int column = at.map(Mark::getColumn).orElse(0) + 1;
        problems.add(new Problem(line, column, text));
    }

    public int count() {
        return problems.size();
    }

    public boolean isEmpty() {
        return problems.isEmpty();
    }

    /// In the order of the file.
    public List<String> lines() {
        return problems.stream().sorted(Comparator.comparingInt(Problem::line).thenComparingInt(Problem::column))
                .map(p -> "line " + p.line + ", column " + p.column + ": " + p.text).toList();
    }
}
