"""The gRPC peer: the same one-liner behind a socket, with the message of the article.

Prints its port. Ends when its standard input is closed, as it is when the benchmark ends.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

from callees import one_liner

# Declared here, so that no protoc is needed; src/ways/grpc.rs declares the same:
#   message Metric { google.protobuf.Timestamp time = 1; string name = 2; double value = 3; }
#   message Request { repeated Metric metrics = 1; }
#   message Response { repeated int64 indices = 1; }
Field = descriptor_pb2.FieldDescriptorProto
MESSAGES = {
    "Metric": [
        Field(name="time", number=1, type=Field.TYPE_MESSAGE, type_name=".google.protobuf.Timestamp"),
        Field(name="name", number=2, type=Field.TYPE_STRING),
        Field(name="value", number=3, type=Field.TYPE_DOUBLE),
    ],
    "Request": [
        Field(name="metrics", number=1, type=Field.TYPE_MESSAGE, type_name=".outliers.Metric",
              label=Field.LABEL_REPEATED),
    ],
    "Response": [Field(name="indices", number=1, type=Field.TYPE_INT64, label=Field.LABEL_REPEATED)],
}


def message_classes():
    declared = [descriptor_pb2.DescriptorProto(name=name, field=fields) for name, fields in MESSAGES.items()]
    pool = descriptor_pool.Default()
    pool.Add(descriptor_pb2.FileDescriptorProto(
        name="outliers.proto", package="outliers", syntax="proto3", message_type=declared,
        dependency=[timestamp_pb2.DESCRIPTOR.name]))
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName("outliers." + name))
            for name in ("Request", "Response")]


def main():
    request_class, response_class = message_classes()

    def detect(request, context):
        values = np.fromiter((metric.value for metric in request.metrics), dtype=float)
        return response_class(indices=one_liner(values))

    method = grpc.unary_unary_rpc_method_handler(
        detect, request_deserializer=request_class.FromString, response_serializer=response_class.SerializeToString)
    # A million metrics are 30 MB, and gRPC refuses more than 4 MB by default.
    server = grpc.server(ThreadPoolExecutor(), options=[
        ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("outliers.Outliers", {"Detect": method})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(None)


main()
