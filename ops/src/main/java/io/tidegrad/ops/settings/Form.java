package io.tidegrad.ops.settings;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.List;
import org.apache.kafka.common.utils.Utils;

/// What a setting's value must look like.
public sealed interface Form {
    /// For people, after "expected".
    String expected();

    boolean accepts(String value);

    record Text(String expected) implements Form {
        @Override
        public boolean accepts(String value) {
            return !value.isBlank();
        }
    }

    /// Part of a topic's name.
    record Name() implements Form {
        @Override
        public String expected() {
            return "letters, digits, '.', '_' and '-'";
        }

        @Override
        public boolean accepts(String value) {
            return value.matches("[a-zA-Z0-9._-]+");
        }
    }

    record Number(long min, long max) implements Form {
        @Override
        public String expected() {
            return max == Long.MAX_VALUE ? "a whole number of at least " + min
                    : "a whole number from " + min + " to " + max;
        }

        @Override
        public boolean accepts(String value) {
            try {
                long number = Long.parseLong(value);
                return number >= min && number <= max;
            } catch (NumberFormatException notANumber) {
                return false;
            }
        }
    }

    record Decimal() implements Form {
        @Override
        public String expected() {
            return "a number above 0, for instance 0.001 or 1e-6";
        }

        @Override
        public boolean accepts(String value) {
            try {
                double number = Double.parseDouble(value);
                return number > 0 && number < Double.POSITIVE_INFINITY;
            } catch (NumberFormatException notANumber) {
                return false;
            }
        }
    }

    /// A version of a model.
    record Pin() implements Form {
        @Override
        public String expected() {
            return "a model, its epoch and version, for instance flights=1.120500";
        }

        @Override
        public boolean accepts(String value) {
            return value.matches("[a-zA-Z0-9._-]+=[1-9][0-9]{0,8}\\.[0-9]{1,18}");
        }
    }

    /// In steps of a hundredth.
    record Percent() implements Form {
        @Override
        public String expected() {
            return "a percentage from 0.01 to 100, for instance 5 or 0.25";
        }

        @Override
        public boolean accepts(String value) {
            return value.matches("[0-9]{1,2}(\\.[0-9]{1,2})?|100(\\.00?)?") && value.matches(".*[1-9].*");
        }
    }

    /// Somewhere in a log.
    ///
    /// @param words that name a place
    /// @param snapshots whether `snapshot:N` is one
    record Place(List<String> words, boolean snapshots) implements Form {
        @Override
        public String expected() {
            return String.join("", words.stream().map(word -> word + ", ").toList()) + (snapshots ? "snapshot:N, " : "")
                    + "an offset, or a time such as 2026-01-31T12:00:00Z";
        }

        @Override
        public boolean accepts(String value) {
            return words.contains(value) || value.matches("[0-9]{1,18}")
                    || snapshots && value.matches("snapshot:[0-9]{1,18}") || isTime(value);
        }

        private static boolean isTime(String value) {
            try {
                OffsetDateTime.parse(value);
                return true;
            } catch (DateTimeException e) {
                return false;
            }
        }
    }

    record Choice(List<String> values) implements Form {
        @Override
        public String expected() {
            return String.join(" or ", values);
        }

        @Override
        public boolean accepts(String value) {
            return values.contains(value);
        }
    }

    /// How long a topic keeps its records.
    record Retention() implements Form {
        static final String FOREVER = "forever";

        @Override
        public String expected() {
            return "a duration as P30D or PT12H, or " + FOREVER;
        }

        @Override
        public boolean accepts(String value) {
            if (value.equals(FOREVER)) {
                return true;
            }
            try {
                Duration duration = Duration.parse(value);
                return duration.isPositive() && duration.toMillis() > 0;
            } catch (DateTimeParseException | ArithmeticException e) {
                return false;
            }
        }
    }

    /// Needs no value on the command line.
    record Flag() implements Form {
        @Override
        public String expected() {
            return "true or false";
        }

        @Override
        public boolean accepts(String value) {
            return value.equals("true") || value.equals("false");
        }
    }

    record Addresses() implements Form {
        @Override
        public String expected() {
            return "HOST:PORT, for instance 127.0.0.1:9092";
        }

        @Override
        public boolean accepts(String value) {
            for (String address : value.split(",", -1)) {
                if (Utils.getHost(address.strip()) == null || Utils.getPort(address.strip()) == null) {
                    return false;
                }
            }
            return true;
        }
    }

    /// Repeated on the command line, separated by commas everywhere.
    record Many(Form of) implements Form {
        @Override
        public String expected() {
            return of.expected();
        }

        @Override
        public boolean accepts(String value) {
            return of.accepts(value);
        }
    }
}
