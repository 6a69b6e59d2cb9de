@NullMarked
package io.tidegrad.cli.quickstart;

import org.jspecify.annotations.NullMarked;
