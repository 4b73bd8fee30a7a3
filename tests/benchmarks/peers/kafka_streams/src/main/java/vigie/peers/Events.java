package vigie.peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.kafka.common.serialization.Deserializer;

/**
 * Reads the five flows' records (Avro single-object encoding) with Avro's own decoder.
 *
 * <p>The reader's schema has the fields that are counted by and no other: Avro then skips the rest of a
 * record instead of making objects of it.
 */
final class Events implements Deserializer<GenericRecord> {
  static final String[] FLOWS = {
    "dmp-deposits", "mss-messages", "insi-calls", "eprescriptions", "platform-accesses"
  };
  static final int EPRESCRIPTIONS = 3;
  static final int INSI_CALLS = 2;
  static final int PLATFORM_ACCESSES = 4;

  /** Places of the fields in a record that was read; the last is there where a look is chosen by it. */
  static final int OCCURRED_AT = 0;
  static final int SECTOR = 1;
  static final int DEPARTMENT = 2;
  static final int STRUCTURE = 3;
  static final int ACTOR = 4;
  static final int PATIENT = 5;
  static final int OUTCOME = 6;
  static final int CHOSEN_BY = 7;

  private static final String[] RECORDS = {
    "DmpDeposit", "MssMessage", "InsiCall", "EPrescription", "PlatformAccess"
  };
  private static final String[] COMMON = {
    "occurred_at", "sector", "department", "structure_pid", "actor_pid", "patient_pid", "outcome"
  };
  private static final String[] CHOOSING = {null, null, "operation", "event", "action"};

  private final Map<String, BinaryMessageDecoder<GenericRecord>> decoders = new HashMap<>();

  Events(Path schemas, String prefix, boolean whole) {
    for (int flow = 0; flow < FLOWS.length; flow++) {
      Schema written;
      try {
        Path file = schemas.resolve(RECORDS[flow]).resolve("v1.avsc");
        written = new Schema.Parser().parse(Files.readString(file));
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
      Schema read = projection(written, CHOOSING[flow], whole);
      BinaryMessageDecoder<GenericRecord> decoder =
          new BinaryMessageDecoder<>(GenericData.get(), read);
      decoder.addSchema(written);
      decoders.put(prefix + FLOWS[flow], decoder);
    }
  }

  private static Schema projection(Schema written, String choosing, boolean whole) {
    List<String> names = new ArrayList<>(List.of(COMMON));
    if (choosing != null) {
      names.add(choosing);
    }
    if (whole) {
      for (Schema.Field field : written.getFields()) {
        if (!names.contains(field.name())) {
          names.add(field.name());
        }
      }
    }
    List<Schema.Field> fields = new ArrayList<>();
    for (String name : names) {
      fields.add(new Schema.Field(written.getField(name), written.getField(name).schema()));
    }
    return Schema.createRecord(written.getName(), null, written.getNamespace(), false, fields);
  }

  @Override
  public GenericRecord deserialize(String topic, byte[] value) {
    try {
      return decoders.get(topic).decode(ByteBuffer.wrap(value), null);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
