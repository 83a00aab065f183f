// An echo server on uWebSockets, which prints its port.

#include <iostream>

#include "App.h"

int main() {
    struct Nothing {};
    uWS::App::WebSocketBehavior<Nothing> behavior;
    behavior.compression = uWS::DISABLED;
    behavior.maxPayloadLength = 16 * 1024 * 1024;
    behavior.maxBackpressure = 16 * 1024 * 1024;
    behavior.idleTimeout = 0;
    behavior.sendPingsAutomatically = false;
    behavior.message = [](auto *socket, std::string_view message, uWS::OpCode opcode) {
        socket->send(message, opcode);
    };
    uWS::App()
        .ws<Nothing>("/*", std::move(behavior))
        .listen("127.0.0.1", 0, [](us_listen_socket_t *socket) {
            if (socket) {
                std::cout << us_socket_local_port(0, (us_socket_t *)socket) << std::endl;
            }
        })
        .run();
}
