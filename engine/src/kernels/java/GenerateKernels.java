import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Writes the vector kernels `Simd128`, `Simd256` and `Simd512` from one template and, for each family of kernels, a
/// file that it includes. The build runs it as
///
///     java GenerateKernels.java <template> <output folder>
///
/// Why generate at all: C2 keeps vectors in registers only inside one flat method. A helper that takes or returns a
/// vector boxes it and runs 2.5 to 15 times slower, a loop over an array of accumulators does not compile to registers
/// at all, and a class that has seen two vector widths may stay slow for ever. So each tile size of each width is a
/// method of its own, with every accumulator a local variable: text that nobody should write, or read, by hand.
///
/// The template is Java with these lines and words in it:
///
/// | text | meaning |
/// |---|---|
/// | `#for r in R` … `#end` | the lines between, for r = 0, 1, … R-1 |
/// | `#for T in [6x64 4x64]` … `#end` | the same, for each word; `6x64` also sets `ROWS` = 6 and `COLUMNS` = 64 |
/// | `#if A = B` … `#end` | the lines between, where both are the same word |
/// | `#define name` … `#end` | gives lines a name |
/// | `#insert name` | those lines, with the variables of this place |
/// | `#pieces` … `#end` | the lines between, with each vector in two pieces of memory |
/// | `#include name` | the lines of `name.template`, which lies beside the template |
/// | `#tree N` | sums each of `t0` … `t(N-1)` over its lanes; sum i is lane i · LANES / N of `sums` |
/// | `#transpose` | `u0`, `u1`, … are the columns of the square matrix whose rows are `t0`, `t1`, … |
/// | `{r}`, `{COLUMNS/LANES}` | a variable, or + - * / % of them, left to right; other braces are Java's |
///
/// A line whose first visible character is `#` never reaches the output. To add an optimizer: its formula in
/// `OptimizerKernels.updateOne`, a kind in `OptimizerStep`, its name below and five groups of lines in
/// `optimizers.template`.
class GenerateKernels {
    /// The kinds of `OptimizerStep` that change weights.
    private static final String OPTIMIZERS =
            "[GRADIENT SGD MOMENTUM NESTEROV ADAGRAD"
                    + " RMSPROP RMSPROP_MOMENTUM RMSPROP_CENTERED RMSPROP_CENTERED_MOMENTUM"
                    + " ADAM AMSGRAD ADAMW ADAMW_AMSGRAD FTRL STREAM_RMS]";

    /// What differs between widths. Tiles are rows x columns of accumulators. With 512 bits there are 32 registers: 6 x
    /// 64 takes 24, leaving 4 for a row of weights and some for broadcasts, and reaches 0.9 of the FMA peak. AVX2 has
    /// 16: 6 x 16 takes 12. Few rows get wide tiles, for at least 8 accumulators hide the latency of an FMA.
    /// `WIDE_TILES` serve 64 columns, `MIDDLE_TILES` 32, `NARROW_TILES` 16, `TILES` are all; convolutions have
    /// `NARROW_PATCH_TILES`, which 3 x 3 kernels fill, and `PATCH_TILES`; rows that lie evenly come in `STRIPS`,
    /// `STRIP_MAX` and all sizes down to its half, so that two or more of them make up any longer line. Where a
    /// broadcast costs as much as an FMA, and registers suffice, a number is loaded once for three sums: `HOLDS_KERNEL`
    /// says whether nine weights find room beside a strip, `PIECES` (up to `PIECE_MAX`) and `THREES` (up to
    /// `THREES_MAX`) take three registers each. With pixels in the lanes a tile has `PLANE_OUTPUTS` rows of
    /// `PLANE_VECTORS` vectors; the `DOT_` lists are rows and inputs of the tiles of input gradients. `PARTS` vectors
    /// are the 16 virtual lanes; `DISTANCES` are the levels of the tree inside a vector. `BYTE_BITS` is the shortest
    /// vector of bytes that fills `BYTE_PARTS` vectors of floats. Columns that fill no panel are multiplied
    /// `FEW_VECTORS` at a time, of `FEW_ROWS_1` or `FEW_ROWS_2` rows. `MASKS` of a line's rest: all of them `together`,
    /// or `separate`, one in a loop, where four would be too large. Of up to `FEW_OUTPUTS` outputs, the weights of
    /// several inputs share vectors in the update by one row.
    ///
    /// How large a method may be (JDK 25): C1 gives up on what needs 10,000 virtual registers, about 210 KB of code at
    /// tier 3. A method that C1 has compiled without a profile by then, because C2's queue was long, stays with that
    /// code for ever: every vector on the heap. An operation without a mask takes 1.5 KB of tier 3, one with a mask 13
    /// KB, exp 20 KB. And from 8,000 inlined bytecodes on (`DesiredMethodLimit`) C2 inlines later, and may leave a
    /// vector on the heap, as it did with 11,354 in one start of ten; exp has about 2,000. `KernelAgreementTest` fails
    /// where C1 gives up, where C2 inlines 10,000, and where anything is left on the heap.
    ///
    /// What a loop carries is an argument, never the receiver: `x.add(sum)`, for C2 knows the class of x, which was
    /// just loaded, but that of `sum` only from a profile, and left it on the heap in one of four starts.
    private static final List<Map<String, String>> WIDTHS =
            List.of(
                    width(
                            "BITS", "512",
                            "LANES", "16",
                            "FEW_OUTPUTS", "10",
                            "BYTE_BITS", "128",
                            "BYTE_PARTS", "[0]",
                            "PARTS", "1",
                            "DISTANCES", "[8 4 2 1]",
                            "WIDE_TILES", "[6x64 4x64 2x64 1x64]",
                            "MIDDLE_TILES", "[8x32 4x32 2x32 1x32]",
                            "NARROW_TILES", "[8x16 4x16 2x16 1x16]",
                            "NARROW_PATCH_TILES", "[9x16 4x16 2x16 1x16]",
                            "PATCH_TILES", "[6x64 4x64 2x64 1x64 9x16 4x16 2x16 1x16]",
                            "STRIPS", "[7 8 9 10 11 12 13 14]",
                            "STRIP_MAX", "14",
                            "HOLDS_KERNEL", "true",
                            "PIECES", "[4 5 6 7]",
                            "PIECE_MAX", "7",
                            "THREES", "[8 3]",
                            "THREES_MAX", "8",
                            "PLANE_OUTPUTS", "8",
                            "PLANE_VECTORS", "[3 2 1]",
                            "TILES",
                                    "[6x64 4x64 2x64 1x64 8x32 4x32 2x32 1x32 8x16 4x16 2x16 1x16]",
                            "FEW_VECTORS", "[1]",
                            "FEW_ROWS_1", "[8 4 1]",
                            "MASKS", "together",
                            "DOT_ROWS", "[4 1]",
                            "DOT_INPUTS", "[4 1]",
                            "LANE_TILES", "[6x4 4x4 2x8 1x16]",
                            "LANE_BRANCHES", "[4 2 1]",
                            "LANE_ROWS", "[4 1]",
                            "LANE_OUTPUTS", "[5 3 2 1]",
                            "GRADIENT_OUTPUTS", "[10 5 3 2 1]"),
                    width(
                            "BITS", "256",
                            "LANES", "8",
                            "FEW_OUTPUTS", "0",
                            "BYTE_BITS", "64",
                            "BYTE_PARTS", "[0]",
                            "PARTS", "2",
                            "DISTANCES", "[4 2 1]",
                            "WIDE_TILES", "[6x16 4x16 2x32 1x64]",
                            "MIDDLE_TILES", "[6x16 4x16 2x32 1x16]",
                            "NARROW_TILES", "[6x16 4x16 2x16 1x16]",
                            "NARROW_PATCH_TILES", "[6x16 4x16 2x16 1x16]",
                            "PATCH_TILES", "[6x16 4x16 2x32 1x64 2x16 1x16]",
                            "STRIPS", "[3 4 5 6]",
                            "STRIP_MAX", "6",
                            "HOLDS_KERNEL", "false",
                            "PIECES", "[]",
                            "PIECE_MAX", "0",
                            "THREES", "[3]",
                            "THREES_MAX", "3",
                            "PLANE_OUTPUTS", "4",
                            "PLANE_VECTORS", "[2 1]",
                            "TILES", "[6x16 4x16 2x32 1x64 2x16 1x16]",
                            "FEW_VECTORS", "[2 1]",
                            "FEW_ROWS_2", "[4 1]",
                            "FEW_ROWS_1", "[8 4 1]",
                            "MASKS", "together",
                            "DOT_ROWS", "[2 1]",
                            "DOT_INPUTS", "[2 1]",
                            "LANE_TILES", "[3x2 1x4]",
                            "LANE_BRANCHES", "[8 4]",
                            "LANE_ROWS", "[2 1]",
                            "LANE_OUTPUTS", "[3 2 1]",
                            "GRADIENT_OUTPUTS", "[3 2 1]"),
                    width(
                            "BITS", "128",
                            "LANES", "4",
                            "FEW_OUTPUTS", "0",
                            "BYTE_BITS", "64",
                            "BYTE_PARTS", "[0 1]",
                            "PARTS", "4",
                            "DISTANCES", "[2 1]",
                            "WIDE_TILES", "[2x16 1x32]",
                            "MIDDLE_TILES", "[2x16 1x32]",
                            "NARROW_TILES", "[2x16 1x16]",
                            "NARROW_PATCH_TILES", "[2x16 1x16]",
                            "PATCH_TILES", "[2x16 1x32 1x16]",
                            "STRIPS", "[1 2]",
                            "STRIP_MAX", "2",
                            "HOLDS_KERNEL", "false",
                            "PIECES", "[]",
                            "PIECE_MAX", "0",
                            "THREES", "[3]",
                            "THREES_MAX", "3",
                            "PLANE_OUTPUTS", "2",
                            "PLANE_VECTORS", "[4 1]",
                            "TILES", "[2x16 1x32 1x16]",
                            "FEW_VECTORS", "[1]",
                            "FEW_ROWS_1", "[8 4 1]",
                            "MASKS", "separate",
                            "DOT_ROWS", "[1]",
                            "DOT_INPUTS", "[2 1]",
                            "LANE_TILES", "[1x2]",
                            "LANE_BRANCHES", "[8]",
                            "LANE_ROWS", "[1]",
                            "LANE_OUTPUTS", "[3 2 1]",
                            "GRADIENT_OUTPUTS", "[1]"));

    private static final Pattern VARIABLE = Pattern.compile("\\{(\\w+(?:[-+*/%]\\w+)*)\\}");

    private final Map<String, List<String>> definitions = new HashMap<>();
    private final List<String> output = new ArrayList<>();
    private final Path templates;

    private GenerateKernels(Path templates) {
        this.templates = templates;
    }

    public static void main(String[] arguments) throws IOException {
        Path template = Path.of(arguments[0]);
        Path folder = Path.of(arguments[1], "io/tidegrad/engine/kernel");
        Files.createDirectories(folder);
        for (Map<String, String> width : WIDTHS) {
            GenerateKernels generator = new GenerateKernels(template.getParent());
            Map<String, String> variables = new HashMap<>(width);
            variables.put("OPTIMIZERS", OPTIMIZERS);
            generator.expand(Files.readAllLines(template), variables);
            Path file = folder.resolve("Simd" + width.get("BITS") + ".java");
            String source = String.join("\n", generator.output) + "\n";
            // An untouched file keeps its time, and the compiler the classes of all modules. As a whole: some of the lines of
            // the output are several in the file.
            if (!Files.exists(file) || !Files.readString(file).equals(source)) {
                Files.writeString(file, source);
            }
        }
    }

    /// Vector j's lanes before `behind{j}` are at `first{j}`, the others at `second{j}`, both from where the line says.
    /// What a store writes besides is padding, which becomes zero, or is written by the next store. Stores with a mask
    /// would need no order, but two of them take longer than a square root and a division.
    private static String inPieces(String line) {
        return line.replaceFirst(
                        "(\\d) = FloatVector.fromArray\\(SPECIES, (.*)\\);$",
                        "$1 = FloatVector.fromArray(SPECIES, $2 + first$1)\n                        "
                                + ".blend(FloatVector.fromArray(SPECIES, $2 + second$1), behind$1);")
                .replaceFirst(
                        "(\\w+0)\\.intoArray\\((.*)\\);$",
                        "$1.intoArray($2 + second0);\n                "
                                + "$1.blend(zero, behind0).intoArray($2 + first0);")
                .replaceFirst(
                        "(\\w+1)\\.intoArray\\((.*)\\);$",
                        "$1.blend(zero, behind1).intoArray($2 + first1);\n                "
                                + "zero.blend($1, behind1).intoArray($2 + second1);");
    }

    private void expand(List<String> lines, Map<String, String> variables) throws IOException {
        for (int at = 0; at < lines.size(); at++) {
            String line = lines.get(at);
            if (!line.strip().startsWith("#")) {
                output.add(substitute(line, variables));
                continue;
            }
            String[] words = substitute(line.strip(), variables).split("\\s+", 4);
            switch (words[0]) {
                case "#for", "#if", "#define", "#pieces" -> {
                    List<String> body = body(lines, at);
                    at += body.size() + 1;
                    switch (words[0]) {
                        case "#for" -> expandEach(words[1], words[3], body, variables);
                        case "#if" -> {
                            if (words[1].equals(words[3])) {
                                expand(body, variables);
                            }
                        }
                        case "#pieces" -> {
                            int from = output.size();
                            expand(body, variables);
                            output.subList(from, output.size()).replaceAll(GenerateKernels::inPieces);
                        }
                        default -> definitions.put(words[1], body);
                    }
                }
                case "#insert" -> expand(definition(words[1]), variables);
                case "#include" ->
                        expand(Files.readAllLines(templates.resolve(words[1] + ".template")), variables);
                case "#transpose" -> transpose(number("LANES", variables));
                case "#tree" -> tree(number(words[1], variables), number("LANES", variables));
                default -> throw new IllegalArgumentException("unknown directive: " + line);
            }
        }
    }

    private void expandEach(
            String name, String values, List<String> body, Map<String, String> variables)
            throws IOException {
        Map<String, String> inner = new HashMap<>(variables);
        String list = variables.getOrDefault(values, values);
        if (list.equals("[]")) {
            return;
        }
        if (list.startsWith("[")) {
            for (String value : list.substring(1, list.length() - 1).split(" ")) {
                inner.put(name, value);
                if (value.matches("\\d+x\\d+")) {
                    inner.put("ROWS", value.substring(0, value.indexOf('x')));
                    inner.put("COLUMNS", value.substring(value.indexOf('x') + 1));
                }
                expand(body, inner);
            }
            return;
        }
        for (int i = 0; i < Integer.parseInt(list); i++) {
            inner.put(name, Integer.toString(i));
            expand(body, inner);
        }
    }

    private static Map<String, String> width(String... namesAndValues) {
        Map<String, String> variables = new HashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            variables.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return variables;
    }

    /// The lines after `lines[from]` up to its `#end`.
    private static List<String> body(List<String> lines, int from) {
        int depth = 1;
        for (int at = from + 1; at < lines.size(); at++) {
            String word = lines.get(at).strip().split("\\s+", 2)[0];
            switch (word) {
                case "#for", "#if", "#define", "#pieces" -> depth++;
                case "#end" -> depth--;
                default -> {}
            }
            if (depth == 0) {
                return lines.subList(from + 1, at);
            }
        }
        throw new IllegalArgumentException("no #end for line " + (from + 1) + ": " + lines.get(from));
    }

    private List<String> definition(String name) {
        List<String> body = definitions.get(name);
        if (body == null) {
            throw new IllegalArgumentException("#insert of " + name + ", which is not defined above");
        }
        return body;
    }

    private static String substitute(String line, Map<String, String> variables) {
        return VARIABLE.matcher(line)
                .replaceAll(match -> Matcher.quoteReplacement(value(match.group(1), match.group(), variables)));
    }

    private static String value(String expression, String original, Map<String, String> variables) {
        if (variables.containsKey(expression)) {
            return variables.get(expression);
        }
        String[] parts = expression.split("(?=[-+*/%])|(?<=[-+*/%])");
        if (parts.length == 1) {
            return original;
        }
        int result = number(parts[0], variables);
        for (int i = 1; i < parts.length; i += 2) {
            int operand = number(parts[i + 1], variables);
            result =
                    switch (parts[i]) {
                        case "+" -> result + operand;
                        case "-" -> result - operand;
                        case "*" -> result * operand;
                        case "/" -> result / operand;
                        default -> result % operand;
                    };
        }
        return Integer.toString(result);
    }

    private static int number(String word, Map<String, String> variables) {
        return Integer.parseInt(variables.getOrDefault(word, word));
    }

    /// Sums `count` vectors over their lanes, all at once: at each level, lanes d apart are added (d = half, quarter, …
    /// 1 of the lanes), and two vectors become one, whose lanes with bit d belong to the second. 15 additions of 16
    /// lanes do what 16 trees of 4 additions would. A sum's order of additions is the same whatever it is paired with.
    private void tree(int count, int lanes) {
        Deque<String> terms = new ArrayDeque<>();
        for (int i = 0; i < count; i++) {
            terms.add("t" + i);
        }
        for (int distance = lanes / 2; distance >= 1; distance /= 2) {
            List<String> current = List.copyOf(terms);
            terms.clear();
            int half = current.size() / 2;
            for (int i = 0; i < Math.max(half, 1); i++) {
                String sum = distance == 1 ? "sums" : "d" + distance + "_" + i;
                String a = current.get(i);
                if (half == 0) {
                    output.add(
                            "        FloatVector %s = %s.add(%s.rearrange(SWAP_%d));"
                                    .formatted(sum, a, a, distance));
                } else {
                    String b = current.get(i + half);
                    output.add(
                            "        FloatVector %s = %s.blend(%s, BIT_%d).add(%s.blend(%s, BIT_%d).rearrange(SWAP_%d));"
                                    .formatted(sum, a, b, distance, b, a, distance, distance));
                }
                terms.add(sum);
            }
        }
    }

    /// At each level, blocks of d x d change places across the diagonal of blocks of 2 d x 2 d: what leaves two rows is
    /// put together first, so that one shuffle moves both (43 ns for 16 x 16 with 512 bits; two shuffles take 60, Zen
    /// 4).
    private void transpose(int lanes) {
        String from = "t";
        for (int distance = lanes / 2; distance >= 1; distance /= 2) {
            String to = distance == 1 ? "u" : "d" + distance + "_";
            for (int i = 0; i < lanes; i++) {
                if ((i & distance) == 0) {
                    String a = from + i;
                    String b = from + (i + distance);
                    String moved = "m" + distance + "_" + i;
                    output.add(
                            "        FloatVector %s = %s.blend(%s, BIT_%d).rearrange(SWAP_%d);"
                                    .formatted(moved, b, a, distance, distance));
                    output.add(
                            "        FloatVector %s%d = %s.blend(%s, BIT_%d);"
                                    .formatted(to, i, a, moved, distance));
                    output.add(
                            "        FloatVector %s%d = %s.blend(%s, BIT_%d);"
                                    .formatted(to, i + distance, moved, b, distance));
                }
            }
            from = to;
        }
    }
}
