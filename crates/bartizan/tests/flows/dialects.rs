//! The names of the features in every dialect, as the tools write them; written out once more so that a wrong name shows.

/// The public tables of CICIDS2017, without their leading blanks; then the newer Java versions (tables of 2018); then the Python
/// version. The repeated header length has a name in the first only.
pub(crate) const NAMES: [[&str; 3]; 78] = [
    ["Destination Port", "Dst Port", "dst_port"],
    ["Flow Duration", "Flow Duration", "flow_duration"],
    ["Total Fwd Packets", "Tot Fwd Pkts", "tot_fwd_pkts"],
    ["Total Backward Packets", "Tot Bwd Pkts", "tot_bwd_pkts"],
    ["Total Length of Fwd Packets", "TotLen Fwd Pkts", "totlen_fwd_pkts"],
    ["Total Length of Bwd Packets", "TotLen Bwd Pkts", "totlen_bwd_pkts"],
    ["Fwd Packet Length Max", "Fwd Pkt Len Max", "fwd_pkt_len_max"],
    ["Fwd Packet Length Min", "Fwd Pkt Len Min", "fwd_pkt_len_min"],
    ["Fwd Packet Length Mean", "Fwd Pkt Len Mean", "fwd_pkt_len_mean"],
    ["Fwd Packet Length Std", "Fwd Pkt Len Std", "fwd_pkt_len_std"],
    ["Bwd Packet Length Max", "Bwd Pkt Len Max", "bwd_pkt_len_max"],
    ["Bwd Packet Length Min", "Bwd Pkt Len Min", "bwd_pkt_len_min"],
    ["Bwd Packet Length Mean", "Bwd Pkt Len Mean", "bwd_pkt_len_mean"],
    ["Bwd Packet Length Std", "Bwd Pkt Len Std", "bwd_pkt_len_std"],
    ["Flow Bytes/s", "Flow Byts/s", "flow_byts_s"],
    ["Flow Packets/s", "Flow Pkts/s", "flow_pkts_s"],
    ["Flow IAT Mean", "Flow IAT Mean", "flow_iat_mean"],
    ["Flow IAT Std", "Flow IAT Std", "flow_iat_std"],
    ["Flow IAT Max", "Flow IAT Max", "flow_iat_max"],
    ["Flow IAT Min", "Flow IAT Min", "flow_iat_min"],
    ["Fwd IAT Total", "Fwd IAT Tot", "fwd_iat_tot"],
    ["Fwd IAT Mean", "Fwd IAT Mean", "fwd_iat_mean"],
    ["Fwd IAT Std", "Fwd IAT Std", "fwd_iat_std"],
    ["Fwd IAT Max", "Fwd IAT Max", "fwd_iat_max"],
    ["Fwd IAT Min", "Fwd IAT Min", "fwd_iat_min"],
    ["Bwd IAT Total", "Bwd IAT Tot", "bwd_iat_tot"],
    ["Bwd IAT Mean", "Bwd IAT Mean", "bwd_iat_mean"],
    ["Bwd IAT Std", "Bwd IAT Std", "bwd_iat_std"],
    ["Bwd IAT Max", "Bwd IAT Max", "bwd_iat_max"],
    ["Bwd IAT Min", "Bwd IAT Min", "bwd_iat_min"],
    ["Fwd PSH Flags", "Fwd PSH Flags", "fwd_psh_flags"],
    ["Bwd PSH Flags", "Bwd PSH Flags", "bwd_psh_flags"],
    ["Fwd URG Flags", "Fwd URG Flags", "fwd_urg_flags"],
    ["Bwd URG Flags", "Bwd URG Flags", "bwd_urg_flags"],
    ["Fwd Header Length", "Fwd Header Len", "fwd_header_len"],
    ["Bwd Header Length", "Bwd Header Len", "bwd_header_len"],
    ["Fwd Packets/s", "Fwd Pkts/s", "fwd_pkts_s"],
    ["Bwd Packets/s", "Bwd Pkts/s", "bwd_pkts_s"],
    ["Min Packet Length", "Pkt Len Min", "pkt_len_min"],
    ["Max Packet Length", "Pkt Len Max", "pkt_len_max"],
    ["Packet Length Mean", "Pkt Len Mean", "pkt_len_mean"],
    ["Packet Length Std", "Pkt Len Std", "pkt_len_std"],
    ["Packet Length Variance", "Pkt Len Var", "pkt_len_var"],
    ["FIN Flag Count", "FIN Flag Cnt", "fin_flag_cnt"],
    ["SYN Flag Count", "SYN Flag Cnt", "syn_flag_cnt"],
    ["RST Flag Count", "RST Flag Cnt", "rst_flag_cnt"],
    ["PSH Flag Count", "PSH Flag Cnt", "psh_flag_cnt"],
    ["ACK Flag Count", "ACK Flag Cnt", "ack_flag_cnt"],
    ["URG Flag Count", "URG Flag Cnt", "urg_flag_cnt"],
    ["CWE Flag Count", "CWE Flag Count", "cwr_flag_count"],
    ["ECE Flag Count", "ECE Flag Cnt", "ece_flag_cnt"],
    ["Down/Up Ratio", "Down/Up Ratio", "down_up_ratio"],
    ["Average Packet Size", "Pkt Size Avg", "pkt_size_avg"],
    ["Avg Fwd Segment Size", "Fwd Seg Size Avg", "fwd_seg_size_avg"],
    ["Avg Bwd Segment Size", "Bwd Seg Size Avg", "bwd_seg_size_avg"],
    ["Fwd Header Length.1", "", ""],
    ["Fwd Avg Bytes/Bulk", "Fwd Byts/b Avg", "fwd_byts_b_avg"],
    ["Fwd Avg Packets/Bulk", "Fwd Pkts/b Avg", "fwd_pkts_b_avg"],
    ["Fwd Avg Bulk Rate", "Fwd Blk Rate Avg", "fwd_blk_rate_avg"],
    ["Bwd Avg Bytes/Bulk", "Bwd Byts/b Avg", "bwd_byts_b_avg"],
    ["Bwd Avg Packets/Bulk", "Bwd Pkts/b Avg", "bwd_pkts_b_avg"],
    ["Bwd Avg Bulk Rate", "Bwd Blk Rate Avg", "bwd_blk_rate_avg"],
    ["Subflow Fwd Packets", "Subflow Fwd Pkts", "subflow_fwd_pkts"],
    ["Subflow Fwd Bytes", "Subflow Fwd Byts", "subflow_fwd_byts"],
    ["Subflow Bwd Packets", "Subflow Bwd Pkts", "subflow_bwd_pkts"],
    ["Subflow Bwd Bytes", "Subflow Bwd Byts", "subflow_bwd_byts"],
    ["Init_Win_bytes_forward", "Init Fwd Win Byts", "init_fwd_win_byts"],
    ["Init_Win_bytes_backward", "Init Bwd Win Byts", "init_bwd_win_byts"],
    ["act_data_pkt_fwd", "Fwd Act Data Pkts", "fwd_act_data_pkts"],
    ["min_seg_size_forward", "Fwd Seg Size Min", "fwd_seg_size_min"],
    ["Active Mean", "Active Mean", "active_mean"],
    ["Active Std", "Active Std", "active_std"],
    ["Active Max", "Active Max", "active_max"],
    ["Active Min", "Active Min", "active_min"],
    ["Idle Mean", "Idle Mean", "idle_mean"],
    ["Idle Std", "Idle Std", "idle_std"],
    ["Idle Max", "Idle Max", "idle_max"],
    ["Idle Min", "Idle Min", "idle_min"],
];

/// The 82-field form, in order; the 80-field form is without the first two.
pub(crate) const FIELDS: &str = "src_ip dst_ip src_port dst_port protocol timestamp flow_duration flow_byts_s flow_pkts_s \
    fwd_pkts_s bwd_pkts_s tot_fwd_pkts tot_bwd_pkts totlen_fwd_pkts totlen_bwd_pkts fwd_pkt_len_max fwd_pkt_len_min fwd_pkt_len_mean \
    fwd_pkt_len_std bwd_pkt_len_max bwd_pkt_len_min bwd_pkt_len_mean bwd_pkt_len_std pkt_len_max pkt_len_min pkt_len_mean pkt_len_std \
    pkt_len_var fwd_header_len bwd_header_len fwd_seg_size_min fwd_act_data_pkts flow_iat_mean flow_iat_max flow_iat_min flow_iat_std \
    fwd_iat_tot fwd_iat_max fwd_iat_min fwd_iat_mean fwd_iat_std bwd_iat_tot bwd_iat_max bwd_iat_min bwd_iat_mean bwd_iat_std \
    fwd_psh_flags bwd_psh_flags fwd_urg_flags bwd_urg_flags fin_flag_cnt syn_flag_cnt rst_flag_cnt psh_flag_cnt ack_flag_cnt \
    urg_flag_cnt ece_flag_cnt down_up_ratio pkt_size_avg init_fwd_win_byts init_bwd_win_byts active_max active_min active_mean \
    active_std idle_max idle_min idle_mean idle_std fwd_byts_b_avg fwd_pkts_b_avg bwd_byts_b_avg bwd_pkts_b_avg fwd_blk_rate_avg \
    bwd_blk_rate_avg fwd_seg_size_avg bwd_seg_size_avg cwr_flag_count subflow_fwd_pkts subflow_bwd_pkts subflow_fwd_byts \
    subflow_bwd_byts";

/// Whether the Python version writes this column in seconds.
pub(crate) fn in_seconds(snake: &str) -> bool {
    snake == "flow_duration" || ["_iat_", "active_", "idle_"].iter().any(|part| snake.contains(part))
}
