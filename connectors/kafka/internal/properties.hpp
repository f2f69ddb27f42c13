// From weir's options to a librdkafka configuration: which properties weir owns, and how the others
// get through.
#pragma once

#include <weir/connectors/kafka/internal/handles.hpp>
#include <weir/runtime/expected.hpp>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::kafka {

/// What a client is for; decides which properties the user may set.
enum class client_role { consumer, producer };

/// Properties in the form of librdkafka. Later entries win.
using property_list = std::vector<std::pair<std::string, std::string>>;

/// Checks the user's properties against those that weir owns, and their values against librdkafka.
/// @returns errc::invalid_config naming the property, its value (never a secret's), the reason and
/// the remedy.
expected<void> check_properties(client_role role,
                                const std::map<std::string, std::string>& properties);

/// Builds a configuration from the user's properties and weir's own, which win.
expected<conf_ptr> make_conf(const std::map<std::string, std::string>& user,
                             const property_list& own);

/// A time in ms among the user's properties, or what librdkafka takes without it.
[[nodiscard]] std::chrono::milliseconds
time_of(const std::map<std::string, std::string>& properties, const std::string& name,
        std::chrono::milliseconds otherwise);

/// Properties of every member of a group beyond those that its kind needs.
[[nodiscard]] property_list member_properties(const std::map<std::string, std::string>& user);

/// Whether the value of a property must not appear in any text.
[[nodiscard]] bool is_secret(std::string_view property);

/// The value of a property as a message may have it: nothing of a secret's, and nothing of what
/// stands before an '@', which may be a user and a password.
[[nodiscard]] std::string shown_value(std::string_view property, std::string_view value);

/// Replaces the values of secrets wherever they appear in a text of librdkafka.
class redactor {
public:
  redactor() = default;
  explicit redactor(const std::map<std::string, std::string>& properties);
  [[nodiscard]] std::string operator()(std::string_view text) const;

private:
  std::vector<std::string> secrets_;
};

} // namespace weir::kafka
