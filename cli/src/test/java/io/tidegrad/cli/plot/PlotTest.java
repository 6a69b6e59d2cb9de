package io.tidegrad.cli.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.StringReader;
import java.nio.file.Path;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

class PlotTest {
    private static Panel panel(boolean logarithmic, Panel.Point... points) {
        return new Panel(
                "a < b",
                new Panel.Axis("rate", logarithmic),
                new Panel.Axis("loss", false),
                List.of(new Panel.Line("line", List.of(points))),
                List.of());
    }

    private static Document draw(Panel panel) throws Exception {
        return DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new InputSource(new StringReader(new Plot(List.of(panel)).svg())));
    }

    private static String path(Document svg) {
        return ((Element) svg.getElementsByTagName("path").item(0)).getAttribute("d");
    }

    @Test
    void equalFactorsAreEqualDistancesOnALogarithmicAxis() throws Exception {
        String path =
                path(
                        draw(
                                panel(
                                        true,
                                        new Panel.Point(0.001, 1),
                                        new Panel.Point(0.1, 2),
                                        new Panel.Point(10, 3))));
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
        String path =
                path(
                        draw(
                                panel(
                                        false,
                                        new Panel.Point(1, 1),
                                        new Panel.Point(2, Double.NaN),
                                        new Panel.Point(3, 2),
                                        new Panel.Point(4, 1))));
        assertThat(path).matches("M[\\d.]+ [\\d.]+M[\\d.]+ [\\d.]+L[\\d.]+ [\\d.]+");
    }

    @Test
    void titlesLabelsAndNamesAreThere() throws Exception {
        Document svg = draw(panel(false, new Panel.Point(1, 1), new Panel.Point(2, 2)));
        assertThat(svg.getDocumentElement().getTextContent())
                .contains("a < b")
                .contains("rate")
                .contains("loss")
                .contains("line");
    }

    @Test
    void aPlotWithoutAPointIsRefused() {
        assertThatThrownBy(() -> panel(false))
                .hasMessage("plot 'a < b': expected at least one point, found none");
    }

    @Test
    void aFileThatCantBeWrittenIsSaid() {
        Plot plot = new Plot(List.of(panel(false, new Panel.Point(1, 1))));
        assertThatThrownBy(() -> PlotFile.write(Path.of("no/such/place.svg"), plot))
                .isInstanceOf(PlotException.class)
                .hasMessage(
                        "--plot no/such/place.svg: expected a file that can be written, found no such directory");
    }
}
