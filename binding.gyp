{
  "targets": [
    {
      "target_name": "boxsockets",
      "sources": [
        "native/posix/base.cc",
        "native/posix/beneath.cc",
        "native/posix/binding.cc",
        "native/posix/dial.cc",
        "native/posix/file_system.cc",
        "native/posix/files.cc",
        "native/posix/hold.cc",
        "native/posix/inspect.cc",
        "native/posix/listen.cc",
        "native/posix/lock.cc",
        "native/posix/lock_owner.cc",
        "native/posix/parent.cc",
        "native/posix/probe.cc",
        "native/posix/process.cc",
        "native/posix/remove_tree.cc",
        "native/posix/socket.cc",
        "native/posix/steady.cc",
        "native/posix/sweep.cc",
        "native/posix/user.cc",
        "native/glue/addon.cc",
        "native/glue/binding_operations.cc",
        "native/glue/call.cc",
        "native/glue/file_operations.cc",
        "native/glue/kept_descriptors.cc",
        "native/glue/lifecycle_operations.cc",
        "native/glue/parent_operations.cc",
        "native/glue/probe_operations.cc",
        "native/glue/socket_operations.cc",
        "native/glue/ensurer.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "NAPI_DISABLE_CPP_EXCEPTIONS"],
      "cflags": ["-Wall", "-Wextra", "-Werror"],
      "cflags!": ["-O3"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": [
        "-std=c++17",
        "-Os",
        "-fno-exceptions",
        "-fno-rtti",
        "-fno-threadsafe-statics",
        "-fno-asynchronous-unwind-tables",
        "-fvisibility=hidden",
        "-ffunction-sections",
        "-fdata-sections"
      ],
      "ldflags": ["-Wl,-z,now", "-Wl,-z,noseparate-code", "-Wl,--gc-sections", "-Wl,--as-needed", "-Wl,--exclude-libs,ALL", "-nodefaultlibs"],
      "libraries": ["-lc"],
      "xcode_settings": {
        "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
        "GCC_ENABLE_CPP_EXCEPTIONS": "NO",
        "GCC_ENABLE_CPP_RTTI": "NO",
        "GCC_THREADSAFE_STATICS": "NO",
        "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
        "MACOSX_DEPLOYMENT_TARGET": "11.0",
        "OTHER_CFLAGS": ["-Wall", "-Wextra", "-Werror"]
      }
    }
  ]
}
