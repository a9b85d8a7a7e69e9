//! The table of access logs.

use super::template::Template;
use bartizan_core::Format;
use std::sync::OnceLock;

/// Formats with one reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// In words that somebody gave.
    Own,
    /// Apache's and nginx's usual lines, and those built upon them.
    Line,
    /// JSON.
    Json,
    /// Rows below `#Fields:`.
    Table,
    /// In words that stand here.
    Template(&'static str),
}

impl Family {
    /// All of them, in the order in which they are tried on a line of which nothing is known.
    pub(super) const ALL: &'static [Self] = &[
        Self::Own,
        Self::Line,
        Self::Json,
        Self::Template("istio"),
        Self::Template("envoy"),
        Self::Template("haproxy"),
        Self::Template("haproxy-https"),
        Self::Template("alb"),
        Self::Template("elb"),
        Self::Template("s3"),
        Self::Table,
    ];
}

/// Formats in the words of `log_format`. Names of fields that no event has are free.
const TEMPLATES: &[(&str, &str)] = &[
    (
        "istio",
        "[$time_iso8601] \"$request\" $status $flags $details $failure \"$reason\" $received $bytes_sent $request_millis $upstream \
         \"$http_x_forwarded_for\" \"$http_user_agent\" \"$id\" \"$host\" \"$upstream_host\" $cluster $local $local_address $remote_addr $name $route",
    ),
    (
        "envoy",
        "[$time_iso8601] \"$request\" $status $flags $received $bytes_sent $request_millis $upstream \"$http_x_forwarded_for\" \
         \"$http_user_agent\" \"$id\" \"$host\" \"$upstream_host\"",
    ),
    (
        "haproxy",
        "$remote_addr [$time_local] $frontend $backend $timers $status $bytes_sent $cookie $set $state $connections $queues \"$request\"",
    ),
    (
        "haproxy-https",
        "$remote_addr [$time_local] $frontend $backend $timers $status $bytes_sent $cookie $set $state $connections $queues \"$request\" $rest",
    ),
    (
        "alb",
        "$type $time_iso8601 app/$balancer $remote_addr $target $t1 $t2 $t3 $status $target_status $received $bytes_sent \"$request\" \
         \"$http_user_agent\" $rest",
    ),
    (
        "elb",
        "$time_iso8601 $balancer $remote_addr $backend $t1 $t2 $t3 $status $backend_status $received $bytes_sent \"$request\" \
         \"$http_user_agent\" $rest",
    ),
    (
        "s3",
        "$owner $bucket [$time_local] $remote_addr $requester $id $operation $key \"$request\" $status $error $bytes_sent $size $total \
         $turnaround \"$http_referer\" \"$http_user_agent\" $rest",
    ),
];

/// A format of [`TEMPLATES`], compiled once.
pub(super) fn template(name: &str) -> Option<&'static Template> {
    static COMPILED: OnceLock<Vec<(&'static str, Option<Template>)>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| TEMPLATES.iter().map(|(name, words)| (*name, Template::compile(words, "").ok())).collect());
    compiled.iter().find(|(known, _)| *known == name)?.1.as_ref()
}

/// The family of a format.
pub(super) fn family(name: &str) -> Option<Family> {
    let known = FORMATS.iter().find(|format| format.name == name)?.name;
    Some(match known {
        "own" => Family::Own,
        "combined" | "common" | "vhost-combined" | "ingress-nginx" | "traefik" => Family::Line,
        "nginx-json" | "caddy" | "traefik-json" | "envoy-json" | "gcp" | "cloudflare" => Family::Json,
        "iis" | "cloudfront" => Family::Table,
        name => Family::Template(name),
    })
}

/// What is read.
pub(crate) const FORMATS: &[Format] = &[
    Format {
        name: "combined",
        what: "Apache's and nginx's combined log, with anything appended",
        sample: r#"203.0.113.7 - ann [06/Mar/2024:10:00:00 +0000] "GET /cart?id=7 HTTP/1.1" 200 512 "https://shop.example/" "Mozilla/5.0" 0.013"#,
    },
    Format {
        name: "common",
        what: "Apache's common log",
        sample: r#"203.0.113.7 - - [06/Mar/2024:10:00:00 +0000] "GET /cart?id=7 HTTP/1.1" 200 512"#,
    },
    Format {
        name: "vhost-combined",
        what: "Apache's combined log with the virtual host in front",
        sample: r#"shop.example:443 203.0.113.7 - - [06/Mar/2024:10:00:00 +0000] "GET /cart HTTP/1.1" 200 512 "-" "Mozilla/5.0""#,
    },
    Format {
        name: "ingress-nginx",
        what: "Kubernetes' ingress-nginx, now and before release 0.25",
        sample: r#"203.0.113.7 - - [06/Mar/2024:10:00:00 +0000] "GET /cart HTTP/1.1" 200 512 "-" "Mozilla/5.0" 458 0.013 [shop-web-80] [] 10.0.0.12:8080 512 0.013 200 5f0e1c2a"#,
    },
    Format {
        name: "traefik",
        what: "Traefik's log in its common format",
        sample: r#"203.0.113.7 - - [06/Mar/2024:10:00:00 +0000] "GET /cart HTTP/1.1" 200 512 "-" "Mozilla/5.0" 12 "web@docker" "http://10.0.0.12:80" 13ms"#,
    },
    Format {
        name: "nginx-json",
        what: "JSON as people have nginx, ingress-nginx and others write it: a path, a time, and a client or a status under their usual names",
        sample: r#"{"time": "2024-03-06T10:00:00+00:00", "remote_addr": "203.0.113.7", "request_method": "GET", "request_uri": "/cart", "status": 200, "http_user_agent": "Mozilla/5.0"}"#,
    },
    Format {
        name: "caddy",
        what: "Caddy's JSON",
        sample: r#"{"level":"info","ts":1709719200.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"203.0.113.7","remote_port":"41342","method":"GET","host":"shop.example","uri":"/cart","headers":{"User-Agent":["Mozilla/5.0"]}},"user_id":"","duration":0.013,"size":512,"status":200}"#,
    },
    Format {
        name: "traefik-json",
        what: "Traefik's JSON",
        sample: r#"{"ClientHost":"203.0.113.7","ClientUsername":"-","DownstreamContentSize":512,"DownstreamStatus":200,"Duration":13000000,"RequestMethod":"GET","RequestPath":"/cart","StartUTC":"2024-03-06T10:00:00.5Z","request_User-Agent":"Mozilla/5.0"}"#,
    },
    Format {
        name: "envoy",
        what: "Envoy's text",
        sample: r#"[2024-03-06T10:00:00.500Z] "GET /cart HTTP/1.1" 200 - 0 512 13 12 "203.0.113.7" "Mozilla/5.0" "cc21d9b0-cf5c" "shop.example" "10.0.0.12:80""#,
    },
    Format {
        name: "istio",
        what: "Istio's text, which is longer than Envoy's",
        sample: r#"[2024-03-06T10:00:00.500Z] "GET /cart HTTP/1.1" 200 - via_upstream - "-" 0 512 13 12 "203.0.113.7" "Mozilla/5.0" "cc21d9b0-cf5c" "shop.example" "10.0.0.12:80" inbound|80|| 127.0.0.6:41000 10.0.0.12:80 203.0.113.7:0 - default"#,
    },
    Format {
        name: "envoy-json",
        what: "Envoy's and Istio's JSON",
        sample: r#"{"start_time":"2024-03-06T10:00:00.500Z","method":"GET","path":"/cart","protocol":"HTTP/1.1","response_code":200,"bytes_sent":512,"duration":13,"x_forwarded_for":"203.0.113.7","user_agent":"Mozilla/5.0","authority":"shop.example"}"#,
    },
    Format {
        name: "haproxy",
        what: "HAProxy's log of HTTP, with or without its syslog header",
        sample: r#"Mar  6 10:00:00 lb1 haproxy[14389]: 203.0.113.7:33317 [06/Mar/2024:10:00:00.655] web~ shop/srv1 10/0/30/69/109 200 512 - - ---- 1/1/1/1/0 0/0 {shop.example} {} "GET /cart HTTP/1.1""#,
    },
    Format {
        name: "alb",
        what: "AWS application load balancers",
        sample: r#"https 2024-03-06T10:00:00.186641Z app/shop/50dc6c495c0c9188 203.0.113.7:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 34 512 "GET https://shop.example:443/cart HTTP/1.1" "Mozilla/5.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 - "-" "-" "-" 0"#,
    },
    Format {
        name: "elb",
        what: "AWS classic load balancers",
        sample: r#"2024-03-06T10:00:00.945958Z shop 203.0.113.7:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 512 "GET http://shop.example:80/cart HTTP/1.1" "Mozilla/5.0" - -"#,
    },
    Format {
        name: "s3",
        what: "AWS S3 server access logs",
        sample: r#"79a59df9 shop [06/Mar/2024:10:00:00 +0000] 203.0.113.7 - 3E57427F3E REST.GET.OBJECT cart.png "GET /shop/cart.png HTTP/1.1" 200 - 512 512 41 28 "-" "Mozilla/5.0" -"#,
    },
    Format {
        name: "cloudfront",
        what: "AWS CloudFront",
        sample: "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query\n\
                 2024-03-06\t10:00:00\tFRA2\t512\t203.0.113.7\tGET\td111.cloudfront.net\t/cart\t200\t-\tMozilla/5.0%20(X11)\tid=7",
    },
    Format {
        name: "iis",
        what: "IIS, and other logs in the W3C's extended format",
        sample: "#Software: Microsoft Internet Information Services 10.0\n\
                 #Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n\
                 2024-03-06 10:00:00 10.0.0.1 GET /cart id=7 443 - 203.0.113.7 Mozilla/5.0+(X11) - 200 0 0 13",
    },
    Format {
        name: "gcp",
        what: "Google Cloud's load balancers, as JSON",
        sample: r#"{"httpRequest":{"requestMethod":"GET","requestUrl":"https://shop.example/cart","status":200,"responseSize":"512","userAgent":"Mozilla/5.0","remoteIp":"203.0.113.7","latency":"0.013s"},"timestamp":"2024-03-06T10:00:00.5Z"}"#,
    },
    Format {
        name: "cloudflare",
        what: "Cloudflare's Logpush",
        sample: r#"{"ClientIP":"203.0.113.7","ClientRequestHost":"shop.example","ClientRequestMethod":"GET","ClientRequestURI":"/cart","ClientRequestUserAgent":"Mozilla/5.0","EdgeResponseStatus":200,"EdgeStartTimestamp":"2024-03-06T10:00:00Z"}"#,
    },
    Format {
        name: "own",
        what: "a format of one's own, in the words of nginx's log_format or Apache's LogFormat, which the setting files.log_format has",
        sample: "",
    },
];
