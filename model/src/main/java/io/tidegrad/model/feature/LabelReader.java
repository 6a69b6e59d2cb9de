package io.tidegrad.model.feature;

import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.LabelText;
import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Turns a label field's value, or the text in an example's header, into the float that the loss compares with.
abstract class LabelReader {
    /// How many classes a message names.
    private static final int SHOWN_MAX = 12;

    private final String field;

    private LabelReader(String field) {
        this.field = field;
    }

    final String field() {
        return field;
    }

    /// The field of a spec's label; of a stream's examples it is a header.
    static String field(ModelSpec spec) {
        String named = spec.label().field();
        return named == null ? Example.LABEL_HEADER : named;
    }

    static String place(String field) {
        return field.equals(Example.LABEL_HEADER) ? "header " + field : "field '" + field + "'";
    }

    /// Writes an event's label.
    ///
    /// @param row whose features are written
    final void read(@Nullable Object value, Row row) throws RejectedException {
        if (value == null) {
            throw new RejectedException(Rejection.Reason.MISSING_LABEL,
                    place(field) + ": expected the label, found null");
        }
        write(value, row);
    }

    void write(Object value, Row row) throws RejectedException {
        row.labels[0] = label(value);
    }

    /// Writes the label of an example, whose header has canonical text: what the field had becomes of it again, or as
    /// good.
    final void readText(String text, Row row) throws RejectedException {
        write(likeIn(text), row);
    }

    /// The same as a number.
    final float readText(String text) throws RejectedException {
        return label(likeIn(text));
    }

    /// What an event's own field would have had where an example has `text`.
    Object likeIn(String text) {
        if (text.equals("true") || text.equals("false")) {
            return text.equals("true");
        }
        for (int i = 0; i < text.length(); i++) {
            if ("0123456789+-.eE".indexOf(text.charAt(i)) < 0) {
                return text;
            }
        }
        try {
            return Double.valueOf(text);
        } catch (NumberFormatException notANumber) {
            return text;
        }
    }

    abstract float label(Object value) throws RejectedException;

    final RejectedException invalid(String expected, @Nullable Object found) {
        return new RejectedException(Rejection.Reason.INVALID_LABEL,
                place(field) + ": expected the label, " + expected + ", found " + Values.describe(found));
    }

    final double finite(Object value, String expected) throws RejectedException {
        if (value instanceof Number number && Double.isFinite(number.doubleValue())) {
            return number.doubleValue();
        }
        throw invalid(expected, value);
    }

    /// A reader of labels 0 or 1.
    static LabelReader binary(String field, ModelSpec.Label label) {
        Double threshold = label.threshold();
        if (threshold != null) {
            return new LabelReader(field) {
                @Override
                float label(Object value) throws RejectedException {
                    return finite(value, "a finite number") >= threshold ? 1 : 0;
                }
            };
        }
        String positive = label.positive();
        if (positive != null) {
            return new LabelReader(field) {
                private final CanonicalText text = new CanonicalText();
                private final byte[] one = positive.getBytes(StandardCharsets.UTF_8);

                @Override
                float label(Object value) throws RejectedException {
                    text.clear().appendValue(field(), value);
                    return text.equalTo(one) ? 1 : 0;
                }

                @Override
                Object likeIn(String text) {
                    return said(text, List.of(positive));
                }
            };
        }
        return new LabelReader(field) {
            @Override
            float label(Object value) throws RejectedException {
                if (value instanceof Boolean flag) {
                    return flag ? 1 : 0;
                }
                if (value instanceof Number number) {
                    double asDouble = number.doubleValue();
                    if (asDouble == 0 || asDouble == 1) {
                        return (float) asDouble;
                    }
                }
                throw invalid("true, false, 0 or 1", value);
            }
        };
    }

    /// A reader of class indices, 0 … classes-1.
    static LabelReader classIndex(String field, int classes) {
        return new LabelReader(field) {
            @Override
            float label(Object value) throws RejectedException {
                float index = classOf(value, classes);
                if (index < 0) {
                    throw invalid("a whole number from 0 to " + (classes - 1), value);
                }
                return index;
            }
        };
    }

    /// A reader of classes by their names, which are compared with the canonical text of a value.
    static LabelReader className(String field, List<String> names) {
        String expected = "one of the " + names.size() + " classes " + shown(names);
        return new LabelReader(field) {
            private final ClassNames classes = new ClassNames(names);
            private final CanonicalText text = new CanonicalText();

            @Override
            float label(Object value) throws RejectedException {
                text.clear().appendValue(field(), value);
                int found = classes.of(text);
                if (found < 0) {
                    throw invalid(expected, value);
                }
                return found;
            }

            @Override
            Object likeIn(String text) {
                return said(text, names);
            }
        };
    }

    static String shown(List<String> names) {
        return String.join(", ", names.subList(0, Math.min(names.size(), SHOWN_MAX)))
                + (names.size() > SHOWN_MAX ? ", …" : "");
    }

    /// A reader of labels that are classes once they are learned. Which class a label is the model says: see
    /// `LearnedClasses`.
    static LabelReader newClass(String field) {
        return new LabelReader(field) {
            private final CanonicalText text = new CanonicalText();

            @Override
            void write(Object value, Row row) throws RejectedException {
                text.clear().appendValue(field(), value);
                if (text.length() == 0 || text.length() > ModelSpec.Label.NAME_BYTES_MAX) {
                    throw invalid("the name of a class, 1 to " + ModelSpec.Label.NAME_BYTES_MAX + " bytes", value);
                }
                if (!text.isPlain()) {
                    throw invalid("the name of a class, a text in UTF-8 without control characters", value);
                }
                row.className.copyOf(text);
                row.labels[0] = 0;
            }

            @Override
            float label(Object value) {
                return Float.NaN;
            }

            @Override
            Object likeIn(String text) {
                return text;
            }
        };
    }

    /// Texts are compared as they are, even where they look like numbers. But a stream says 0 of labels that are booleans
    /// when it means false.
    private static String said(String text, List<String> names) {
        return names.stream().filter(name -> LabelText.same(text, name)).findFirst().orElse(text);
    }

    static float classOf(@Nullable Object value, int classes) {
        if (value instanceof Number number) {
            double index = number.doubleValue();
            if (index >= 0 && index < classes && index == (int) index) {
                return (float) index;
            }
        }
        return -1;
    }

    static List<Float> list(float[] numbers) {
        return new AbstractList<>() {
            @Override
            public int size() {
                return numbers.length;
            }

            @Override
            public Float get(int index) {
                return numbers[index];
            }
        };
    }

    /// A reader of lists with a class index for each step. A list may end earlier, and null stands for a step without a
    /// class; one step must have one.
    static LabelReader steps(ModelSpec spec, String field) {
        return new OfList(spec, field) {
            @Override
            void write(List<?> classes, int steps, Object value, Row row) throws RejectedException {
                if (classes.size() > steps) {
                    throw invalid("a list of at most " + steps + ", a class for each step of this row", value);
                }
                boolean any = false;
                for (int step = 0; step < classes.size(); step++) {
                    Object of = classes.get(step);
                    float index = of == null ? ModelSpec.NO_CLASS : classOf(of, spec.outputs());
                    if (of != null && index < 0) {
                        throw invalid("at [" + step + "] null or a whole number from 0 to " + (spec.outputs() - 1), of);
                    }
                    row.labels[step] = index;
                    any |= index >= 0;
                }
                if (!any) {
                    throw invalid("a list with a class for one step at least", value);
                }
                Arrays.fill(row.labels, classes.size(), row.labels.length, ModelSpec.NO_CLASS);
            }
        };
    }

    /// A reader of lists of class indices, without blanks, that the steps of the row can spell.
    static LabelReader sequence(ModelSpec spec, Ctc ctc, String field) {
        return new OfList(spec, field) {
            @Override
            void write(List<?> classes, int steps, Object value, Row row) throws RejectedException {
                int most = spec.label().count();
                if (classes.size() > most) {
                    throw invalid("a list of at most " + most + " classes", value);
                }
                for (int i = 0; i < classes.size(); i++) {
                    Object of = classes.get(i);
                    float index = classOf(of, spec.outputs());
                    if (index < 0 || index == ctc.blank()) {
                        throw invalid("at [" + i + "] a whole number from 0 to " + (spec.outputs() - 1)
                                + ", but not the blank " + ctc.blank(), of);
                    }
                    row.labels[i] = index;
                }
                int needed = Ctc.linesOf(row.labels, 0, classes.size());
                if (needed > steps) {
                    throw invalid("a list that the " + steps + " steps of this row can spell (it takes " + needed + ")",
                            value);
                }
                Arrays.fill(row.labels, classes.size(), most, 0);
                row.labels[most] = classes.size();
                row.labels[most + 1] = steps;
            }
        };
    }

    private abstract static class OfList extends LabelReader {
        private final ModelSpec spec;
        private final int stepsAt;

        OfList(ModelSpec spec, String field) {
            super(field);
            this.spec = spec;
            stepsAt = spec.stepsAt();
        }

        @Override
        final void write(Object value, Row row) throws RejectedException {
            List<?> classes = switch (value) {
                case List<?> list -> list;
                case float[] numbers -> list(numbers);
                default -> throw invalid("a list of classes", value);
            };
            int steps = stepsAt < 0 ? spec.steps() : row.ids[stepsAt];
            if (steps == 0) { // nobody can ask for such a row, and CTC would count it as spelled
                throw new RejectedException(Rejection.Reason.MISSING_FIELD,
                        "field '" + spec.label().lengths() + "': expected at least one step to learn, found none");
            }
            write(classes, steps, value, row);
        }

        /// @param steps of the row
        /// @param value that has the classes
        abstract void write(List<?> classes, int steps, Object value, Row row) throws RejectedException;

        @Override
        final float label(Object value) {
            throw new IllegalStateException("the label of model " + spec.model() + " is a list");
        }
    }

    /// A reader that turns another reader's 0 and 1 into -1 and 1.
    static LabelReader signed(LabelReader binary) {
        return new LabelReader(binary.field) {
            @Override
            float label(Object value) throws RejectedException {
                return 2 * binary.label(value) - 1;
            }

            @Override
            Object likeIn(String text) {
                return binary.likeIn(text);
            }
        };
    }

    /// A reader of any number that is valid as a feature.
    static LabelReader number(String field) {
        return number(field, Double.NEGATIVE_INFINITY, "a finite number");
    }

    /// A reader of counts, 0 or more.
    static LabelReader count(String field) {
        return number(field, 0, "a number from 0 on");
    }

    private static LabelReader number(String field, double min, String expected) {
        return new LabelReader(field) {
            @Override
            float label(Object value) throws RejectedException {
                double number = finite(value, expected);
                if (number < min) {
                    throw invalid(expected, value);
                }
                if (Math.abs(number) > FeatureWriter.NUMBER_MAX) {
                    throw invalid("a number within ±1e15", value);
                }
                return (float) number;
            }
        };
    }
}
