// What the process writes to standard output while this object lives.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace weir::test {

class captured_stdout {
public:
  captured_stdout() : file_(std::tmpfile()), saved_((std::fflush(stdout), ::dup(STDOUT_FILENO))) {
    if (!file_ || saved_ < 0 || ::dup2(::fileno(file_), STDOUT_FILENO) < 0)
      throw std::runtime_error("cannot capture standard output");
  }
  captured_stdout(const captured_stdout&) = delete;
  captured_stdout& operator=(const captured_stdout&) = delete;
  ~captured_stdout() {
    release();
    std::fclose(file_);
  }

  /// Gives standard output back. @returns everything that was written.
  std::string release() {
    if (saved_ >= 0) {
      std::fflush(stdout);
      ::dup2(saved_, STDOUT_FILENO);
      ::close(saved_);
      saved_ = -1;
      std::rewind(file_);
      for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_))
        text_ += static_cast<char>(c);
    }
    return text_;
  }

private:
  std::FILE* file_;
  int saved_;
  std::string text_;
};

} // namespace weir::test
