package io.tidegrad.joiner.verify;

import io.tidegrad.joiner.verify.BruteForceJoin.DeadLetter;
import io.tidegrad.joiner.verify.BruteForceJoin.Result;
import io.tidegrad.joiner.verify.PossibleJoins.Possible;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.StreamSpec;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/// Compares the examples and dead letters of one id with all that may have become of its records. Dead letters count
/// because an event may have come after its window: without its dead letter that can't be told from an example that was
/// lost.
///
/// @param verdict the outcome
/// @param expected examples that are possible, one list for each possibility
public record IdComparison(Verdict verdict, Set<List<Example>> expected) {
    /// What a comparison says.
    public enum Verdict {
        /// The examples are possible.
        EQUAL,
        /// They are possible only if a task's time lay further ahead of a record than the stream lets partitions be read
        /// apart: one side was read late.
        LATE,
        /// There are too many orders to try all of them, and none that was tried gives these examples; or dead letters that
        /// would explain them may have been deleted.
        UNDECIDED,
        /// No order gives these examples and dead letters.
        DIFFERENT
    }

    /// What is known of the time of the tasks.
    ///
    /// @param ahead how far it may lie ahead of a record that is taken, if all goes well
    /// @param least what it has reached in the end
    /// @param most what it can't have passed
    public record TaskTime(Duration ahead, long least, long most) {
    }

    /// What was found of an id.
    ///
    /// @param examples in their order
    /// @param examplesCut whether retention may have deleted the first ones of them
    /// @param letters the dead letters
    /// @param lettersCut whether retention may have deleted some of them
    public record Found(List<Example> examples, boolean examplesCut, Set<DeadLetter> letters, boolean lettersCut) {
        public Found {
            examples = List.copyOf(examples);
            letters = Set.copyOf(letters);
        }

        private boolean hasExamplesOf(Result result) {
            int missing = result.examples().size() - examples.size();
            return (missing == 0 || examplesCut && missing > 0)
                    && result.examples().subList(missing, result.examples().size()).equals(examples);
        }
    }

    /// The results that were tried.
    private static final class Tried {
        private final Set<List<Example>> examples = new LinkedHashSet<>();
        private boolean whole = true;
        private boolean lettersMissing; // a result has these examples, and dead letters that were not found
    }

    /// @param partitions the id's records in each partition that has some, in their order there
    public static IdComparison of(StreamSpec spec, String id, List<List<Arrival>> partitions, Found found,
            TaskTime time) {
        Tried tried = new Tried();
        if (isPossible(spec, id, partitions, found, time, time.ahead(), tried)) {
            return new IdComparison(Verdict.EQUAL, tried.examples);
        }
        Set<List<Example>> expected = new LinkedHashSet<>(tried.examples);
        long first = partitions.stream().flatMap(List::stream).mapToLong(Arrival::time).min().orElse(time.most());
        Duration furthest = Duration.ofMillis(Math.max(0, time.most() - first));
        if (furthest.compareTo(time.ahead()) > 0 && isPossible(spec, id, partitions, found, time, furthest, tried)) {
            return new IdComparison(Verdict.LATE, expected);
        }
        boolean undecided = !tried.whole || found.lettersCut() && tried.lettersMissing;
        return new IdComparison(undecided ? Verdict.UNDECIDED : Verdict.DIFFERENT, expected);
    }

    private static boolean isPossible(StreamSpec spec, String id, List<List<Arrival>> partitions, Found found,
            TaskTime time, Duration ahead, Tried tried) {
        for (long end : ends(spec, partitions, time)) {
            Possible possible = PossibleJoins.of(spec, id, partitions, ahead, end);
            for (Result result : possible.results()) {
                tried.examples.add(result.examples());
                if (found.hasExamplesOf(result)) {
                    Set<DeadLetter> letters = Set.copyOf(result.deadLetters());
                    if (letters.equals(found.letters())) {
                        return true;
                    }
                    tried.lettersMissing |= letters.containsAll(found.letters());
                }
            }
            if (!possible.whole()) {
                tried.whole = false;
                return false; // other ends have as many orders
            }
        }
        return false;
    }

    /// Returns the times of a task in the end of which each may have another result: the earliest one, and those right
    /// after a deadline of the id.
    private static Set<Long> ends(StreamSpec spec, List<List<Arrival>> partitions, TaskTime time) {
        StreamSpec.Join join = Objects.requireNonNull(spec.join(), "a stream with labels in its events has no join");
        long earliest = time.least();
        TreeSet<Long> deadlines = new TreeSet<>();
        for (List<Arrival> partition : partitions) {
            for (Arrival arrival : partition) {
                earliest = Math.max(earliest, arrival.time());
                deadlines.add(arrival.time() + join.waitTime().toMillis() + 1);
                deadlines.add(arrival.time() + join.window().toMillis() + 1);
            }
        }
        TreeSet<Long> ends = new TreeSet<>();
        ends.add(earliest);
        for (long deadline : deadlines) {
            if (deadline > earliest && deadline <= time.most()) {
                ends.add(deadline);
            }
        }
        return ends;
    }
}
