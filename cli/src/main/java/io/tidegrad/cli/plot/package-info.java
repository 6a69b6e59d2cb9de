@NullMarked
package io.tidegrad.cli.plot;

import org.jspecify.annotations.NullMarked;
