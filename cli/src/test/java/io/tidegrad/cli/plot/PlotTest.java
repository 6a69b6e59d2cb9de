package io.tidegrad.cli.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.cli.CommandException;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

class PlotTest {
    private static Panel panel(boolean logarithmic, Panel.Point... points) {
        return new Panel("a < b", new Panel.Axis("rate", logarithmic), new Panel.Axis("loss", false),
                List.of(new Panel.Line("line", List.of(points))), List.of());
    }

    private static Document draw(Panel panel) throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder()
                .parse(new InputSource(new StringReader(new Plot(List.of(panel)).svg())));
    }

    private static String path(Document svg) {
        return ((Element) svg.getElementsByTagName("path").item(0)).getAttribute("d");
    }

    @Test
    void equalFactorsAreEqualDistancesOnALogarithmicAxis() throws Exception {
        String path =
                path(draw(panel(true, new Panel.Point(0.001, 1), new Panel.Point(0.1, 2), new Panel.Point(10, 3))));
        String[] points = path.substring(1).split("L");
        double first = x(points[0]);
        double second = x(points[1]);
        assertThat(x(points[2]) - second).isEqualTo(second - first).isPositive();
    }

    private static double x(String point) {
        return Double.parseDouble(point.split(" ")[0]);
    }

    @Test
    void aPointThatIsNotFiniteInterruptsTheLine() throws Exception {
        String path = path(draw(panel(false, new Panel.Point(1, 1), new Panel.Point(2, Double.NaN),
                new Panel.Point(3, 2), new Panel.Point(4, 1))));
        assertThat(path).matches("M[\\d.]+ [\\d.]+M[\\d.]+ [\\d.]+L[\\d.]+ [\\d.]+");
    }

    @Test
    void titlesLabelsAndNamesAreThere() throws Exception {
        Document svg = draw(panel(false, new Panel.Point(1, 1), new Panel.Point(2, 2)));
        assertThat(svg.getDocumentElement().getTextContent()).contains("a < b").contains("rate").contains("loss")
                .contains("line");
    }

    /// At 8.5 pixels a letter, which is what the widest of the usual fonts takes of bold ones.
    @Test
    void theLongestNameOfALineEndsBeforeTheNextPanelBegins() throws Exception {
        String name = "SGD with momentum, and more";
        Panel panel = new Panel("title", new Panel.Axis("step", false), new Panel.Axis("loss of the next panel", false),
                List.of(new Panel.Line(name, List.of(new Panel.Point(0, 1), new Panel.Point(1, 1)))), List.of());
        Document svg = DocumentBuilderFactory.newInstance().newDocumentBuilder()
                .parse(new InputSource(new StringReader(new Plot(List.of(panel, panel)).svg())));
        double width = Double.parseDouble(svg.getDocumentElement().getAttribute("width"));
        List<Double> names = places(svg, name);
        assertThat(names).hasSize(2);
        assertThat(names.getFirst() + 8.5 * name.length()).isLessThan(width / 2);
        assertThat(names.getLast() + 8.5 * name.length()).isLessThan(width);
    }

    private static List<Double> places(Document svg, String text) {
        List<Double> places = new ArrayList<>();
        for (int i = 0; i < svg.getElementsByTagName("text").getLength(); i++) {
            Element element = (Element) svg.getElementsByTagName("text").item(i);
            if (element.getTextContent().equals(text)) {
                places.add(Double.parseDouble(element.getAttribute("x")));
            }
        }
        return places;
    }

    @Test
    void aPlotWithoutAPointIsRefused() {
        assertThatThrownBy(() -> panel(false)).hasMessage("plot 'a < b': expected at least one point, found none");
    }

    @Test
    void aFileThatCantBeWrittenIsSaid() {
        Plot plot = new Plot(List.of(panel(false, new Panel.Point(1, 1))));
        assertThatThrownBy(() -> PlotFile.write(Path.of("no/such/place.svg"), plot))
                .isInstanceOf(CommandException.class)
                .hasMessage("--plot no/such/place.svg: expected a file that can be written, found no such directory");
    }
}
