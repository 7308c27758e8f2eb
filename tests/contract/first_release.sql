BEGIN TRANSACTION;
CREATE TABLE accounts (
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        version BIGINT NOT NULL,
        state TEXT NOT NULL,
        PRIMARY KEY (tenant, account)
    );
INSERT INTO "accounts" VALUES('shop','acct_00000000000000000001',3,'{"id":"acct_00000000000000000001","tenant":"shop","state":"OPEN","version":3,"epoch":1,"login":"zSRvqKGl25BmDpdCZMFuuH9b7F8UC4QQhN6TMNcI2Mo","wallet":{"address":"rltc1qw508d6qejxtdg4y5r3zarvary0c5xw7k693xs3","public_key":"Anm-Zn753LusVaBilc6HCwcCm_zbLc4o2VnygVsW-BeY","signature_type":"ltc-msg-bip137"},"esim":"CAXh_h0E66h4Tqq_1vPRs-FqQjH0Sl4T7ev90iBMzEQ","recovery_terms":"swUkr0dLzFknCzb6iJx_YKpjin0UobraijHRFYqBUzU","bound_at":1795453200,"devices":[{"thumbprint":"AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE","key":"BHzyexiNA09-ilI4AwS1GsPAiWnid_IbNaYLSPxHZpl4B3dVENuO0EApPZrGn3Qw27p9reY86YIpngS3nSJ4c9E","state":"ACTIVE","created_at":1795453200,"last_seen_at":1795453201,"probation_until":0,"suspension":null},{"thumbprint":"B3zQUJfL8WPQJT3fRc_9F85aNjqoqRkk-HMzwyAp7WU","key":"BF7L5NGmMwpEyPfvlR1L8WXmxrch762phftBZhvG5_1shzRkDEmY_343SwbOGmSi7NgqsDY4T7g9mnmxJ6J9UDI","state":"PENDING","created_at":1795453200,"last_seen_at":1795453200,"probation_until":0,"suspension":null}],"migration":{"request":"lgn_00000000000000000000000001","state":"HELD","old_device":"AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE","new_device":"B3zQUJfL8WPQJT3fRc_9F85aNjqoqRkk-HMzwyAp7WU","approval":"netluHiPQf-UoheEIBfbL4Q5VPwOtGEQg1kDkI5aJl8","revoke_old":true,"held_until":1795456800,"expires_at":1795543200,"confirmed":false},"recovery":null}');
INSERT INTO "accounts" VALUES('shop','acct_00000000000000000003',2,'{"id":"acct_00000000000000000003","tenant":"shop","state":"OPEN","version":2,"epoch":2,"login":"rstQlCnJ0lgeqmC1pQZiNeNuSt3sEIGgo-TZOY3-wgA","wallet":{"address":"rltc1q0ht9tyks4vh7p5p904t340cr9nvahy7u8ppfev","public_key":"AvkwigGSWMMQSTRPhfidUim1MchFg2-ZsIYB8RO84Db5","signature_type":"ltc-msg-bip137"},"esim":"crJkgVPZz-jrkq0Mx28PxRc016GC42KiztmQBAsRiFc","recovery_terms":"swUkr0dLzFknCzb6iJx_YKpjin0UobraijHRFYqBUzU","bound_at":1795453200,"devices":[{"thumbprint":"BcYkeRReg8Py6HmUFJw6240ruOKnvInXb5rRtK6Z9xQ","key":"BOJTSjUy0I-7oC3eZZ7mK9ADH-LbeFWW71CTAkRrAwhS4PFXWkxjPMcZ3-5f2oYtdk78lsPzDuAFXELCPxhO2MY","state":"REVOKED","created_at":1795453200,"last_seen_at":1795453200,"probation_until":0,"suspension":null}],"migration":null,"recovery":null}');
INSERT INTO "accounts" VALUES('bank','acct_00000000000000000001',1,'{"id":"acct_00000000000000000001","tenant":"bank","state":"OPEN","version":1,"epoch":1,"login":"zSRvqKGl25BmDpdCZMFuuH9b7F8UC4QQhN6TMNcI2Mo","wallet":{"address":"rltc1qw508d6qejxtdg4y5r3zarvary0c5xw7k693xs3","public_key":"Anm-Zn753LusVaBilc6HCwcCm_zbLc4o2VnygVsW-BeY","signature_type":"ltc-msg-bip137"},"esim":"CAXh_h0E66h4Tqq_1vPRs-FqQjH0Sl4T7ev90iBMzEQ","recovery_terms":"swUkr0dLzFknCzb6iJx_YKpjin0UobraijHRFYqBUzU","bound_at":1795453200,"devices":[{"thumbprint":"AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE","key":"BHzyexiNA09-ilI4AwS1GsPAiWnid_IbNaYLSPxHZpl4B3dVENuO0EApPZrGn3Qw27p9reY86YIpngS3nSJ4c9E","state":"ACTIVE","created_at":1795453200,"last_seen_at":1795453200,"probation_until":0,"suspension":null}],"migration":null,"recovery":null}');
CREATE TABLE answers (
        tenant TEXT NOT NULL,
        caller TEXT NOT NULL,
        key TEXT NOT NULL,
        request_sha256 TEXT NOT NULL,
        status BIGINT NOT NULL,
        body BLOB NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (tenant, caller, key)
    );
INSERT INTO "answers" VALUES('shop','AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE','idem_00000000000000000001','netluHiPQf-UoheEIBfbL4Q5VPwOtGEQg1kDkI5aJl8',200,X'7B226F6B223A747275657D',1795453200);
INSERT INTO "answers" VALUES('shop','AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE','idem_00000000000000000002','JHGJ03b1yHTHP5fzjRo1iV4rnaYjBCDCmR8o5359IC0',200,X'7B226F6B223A747275657D',1795453200);
CREATE TABLE challenges (
        tenant TEXT NOT NULL,
        id TEXT NOT NULL,
        account TEXT,
        version BIGINT NOT NULL,
        waits SMALLINT NOT NULL,
        issued_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        nonce TEXT NOT NULL,
        payload TEXT NOT NULL,
        PRIMARY KEY (tenant, id),
        UNIQUE (tenant, nonce)
    );
INSERT INTO "challenges" VALUES('shop','lgn_00000000000000000000000001','acct_00000000000000000001',2,0,1795453200,1795453320,'00000000000000000000000000000001','{"id":"lgn_00000000000000000000000001","tenant":"shop","account":"acct_00000000000000000001","nonce":"00000000000000000000000000000001","asked":{"type":"authenticate","session":"Pzrx7Ou9FBCrQX7A0nu_y100Dhd64Vm1n8hibC39kXU","number":"42"},"issued_at":1795453200,"expires_at":1795453320,"state":"COMPLETED","version":2,"mistypes":0,"answered_by":null,"code_mac":null,"sealed":"","prompted":true}');
INSERT INTO "challenges" VALUES('shop','lgn_00000000000000000000000002','acct_00000000000000000001',1,1,1795453200,1795453320,'00000000000000000000000000000002','{"id":"lgn_00000000000000000000000002","tenant":"shop","account":"acct_00000000000000000001","nonce":"00000000000000000000000000000002","asked":{"type":"authenticate","session":"Pzrx7Ou9FBCrQX7A0nu_y100Dhd64Vm1n8hibC39kXU","number":"42"},"issued_at":1795453200,"expires_at":1795453320,"state":"ISSUED","version":1,"mistypes":0,"answered_by":null,"code_mac":null,"sealed":"","prompted":true}');
INSERT INTO "challenges" VALUES('shop','lgn_00000000000000000000000003','acct_00000000000000000003',2,0,1795453200,1795453500,'00000000000000000000000000000003','{"id":"lgn_00000000000000000000000003","tenant":"shop","account":"acct_00000000000000000003","nonce":"00000000000000000000000000000003","asked":{"type":"statement","statement":{"domain":"shop.example","address":"rltc1q0ht9tyks4vh7p5p904t340cr9nvahy7u8ppfev","chain":"bip122:530827f38f93b43ed12af0b3ad25a288","nonce":"00000000000000000000000000000003","issued_at":1795453200,"expires_at":1795453500,"request_id":"lgn_00000000000000000000000003","act":{"purpose":"revoke","account":"acct_00000000000000000003","device":"BcYkeRReg8Py6HmUFJw6240ruOKnvInXb5rRtK6Z9xQ","epoch":1,"target":"BcYkeRReg8Py6HmUFJw6240ruOKnvInXb5rRtK6Z9xQ"}},"device_key":"BOJTSjUy0I-7oC3eZZ7mK9ADH-LbeFWW71CTAkRrAwhS4PFXWkxjPMcZ3-5f2oYtdk78lsPzDuAFXELCPxhO2MY","newcomer_key":"","code_session":null},"issued_at":1795453200,"expires_at":1795453500,"state":"COMPLETED","version":2,"mistypes":0,"answered_by":null,"code_mac":null,"sealed":"","prompted":false}');
INSERT INTO "challenges" VALUES('shop','lgn_00000000000000000000000004','acct_00000000000000000004',1,0,1795453200,1795453500,'00000000000000000000000000000004','{"id":"lgn_00000000000000000000000004","tenant":"shop","account":"acct_00000000000000000004","nonce":"00000000000000000000000000000004","asked":{"type":"bind","session":"Pzrx7Ou9FBCrQX7A0nu_y100Dhd64Vm1n8hibC39kXU","login":"9OhDxkLalzauxONF3v4PiaA9Ri3-Q0vimvp-QFuJArE","esim":null,"recovery_terms":"swUkr0dLzFknCzb6iJx_YKpjin0UobraijHRFYqBUzU"},"issued_at":1795453200,"expires_at":1795453500,"state":"ISSUED","version":1,"mistypes":0,"answered_by":null,"code_mac":null,"sealed":"","prompted":false}');
INSERT INTO "challenges" VALUES('shop','lgn_00000000000000000000000005',NULL,1,0,1795453200,1795453320,'00000000000000000000000000000005','{"id":"lgn_00000000000000000000000005","tenant":"shop","account":null,"nonce":"00000000000000000000000000000005","asked":{"type":"authenticate","session":"Pzrx7Ou9FBCrQX7A0nu_y100Dhd64Vm1n8hibC39kXU","number":"07"},"issued_at":1795453200,"expires_at":1795453320,"state":"ISSUED","version":1,"mistypes":0,"answered_by":null,"code_mac":null,"sealed":"","prompted":false}');
INSERT INTO "challenges" VALUES('shop','lgn_00000000000000000000000006','acct_00000000000000000001',1,0,1795453200,1795453500,'00000000000000000000000000000006','{"id":"lgn_00000000000000000000000006","tenant":"shop","account":"acct_00000000000000000001","nonce":"00000000000000000000000000000006","asked":{"type":"statement","statement":{"domain":"shop.example","address":"rltc1qw508d6qejxtdg4y5r3zarvary0c5xw7k693xs3","chain":"bip122:530827f38f93b43ed12af0b3ad25a288","nonce":"00000000000000000000000000000006","issued_at":1795453200,"expires_at":1795453500,"request_id":"lgn_00000000000000000000000006","act":{"purpose":"revoke","account":"acct_00000000000000000001","device":"AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE","epoch":1,"target":"AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE"}},"device_key":"BHzyexiNA09-ilI4AwS1GsPAiWnid_IbNaYLSPxHZpl4B3dVENuO0EApPZrGn3Qw27p9reY86YIpngS3nSJ4c9E","newcomer_key":"","code_session":null},"issued_at":1795453200,"expires_at":1795453500,"state":"ISSUED","version":1,"mistypes":0,"answered_by":null,"code_mac":null,"sealed":"","prompted":false}');
CREATE TABLE claims (
        tenant TEXT NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        account TEXT NOT NULL,
        PRIMARY KEY (tenant, kind, value),
        FOREIGN KEY (tenant, account) REFERENCES accounts (tenant, account)
    ) WITHOUT ROWID
    ;
INSERT INTO "claims" VALUES('bank','DEVICE','AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE','acct_00000000000000000001');
INSERT INTO "claims" VALUES('bank','LOGIN','zSRvqKGl25BmDpdCZMFuuH9b7F8UC4QQhN6TMNcI2Mo','acct_00000000000000000001');
INSERT INTO "claims" VALUES('bank','WALLET','RhrOv4QhwIAezhLmfSQ9tk9sFjqs3kjdpAtxJbf-0hk','acct_00000000000000000001');
INSERT INTO "claims" VALUES('shop','DEVICE','AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE','acct_00000000000000000001');
INSERT INTO "claims" VALUES('shop','DEVICE','B3zQUJfL8WPQJT3fRc_9F85aNjqoqRkk-HMzwyAp7WU','acct_00000000000000000001');
INSERT INTO "claims" VALUES('shop','DEVICE','BcYkeRReg8Py6HmUFJw6240ruOKnvInXb5rRtK6Z9xQ','acct_00000000000000000003');
INSERT INTO "claims" VALUES('shop','LOGIN','rstQlCnJ0lgeqmC1pQZiNeNuSt3sEIGgo-TZOY3-wgA','acct_00000000000000000003');
INSERT INTO "claims" VALUES('shop','LOGIN','zSRvqKGl25BmDpdCZMFuuH9b7F8UC4QQhN6TMNcI2Mo','acct_00000000000000000001');
INSERT INTO "claims" VALUES('shop','WALLET','RhrOv4QhwIAezhLmfSQ9tk9sFjqs3kjdpAtxJbf-0hk','acct_00000000000000000001');
INSERT INTO "claims" VALUES('shop','WALLET','oDLV6P1QTrPiBVffyAVSxKScewiWlxdQuS0Cs1VQObM','acct_00000000000000000003');
CREATE TABLE counters (
        tenant TEXT NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        window_s BIGINT NOT NULL,
        ends_at BIGINT NOT NULL,
        total BIGINT NOT NULL,
        PRIMARY KEY (tenant, kind, subject, window_s, ends_at)
    ) WITHOUT ROWID
    ;
INSERT INTO "counters" VALUES('shop','AUTHORITY_CHANGE','acct_00000000000000000001',86400,1795478400,1);
INSERT INTO "counters" VALUES('shop','FAILED_SIGN_IN','someone',3600,1795456800,1);
CREATE TABLE events (
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        seq BIGINT NOT NULL,
        payload TEXT NOT NULL,
        PRIMARY KEY (tenant, account, seq),
        FOREIGN KEY (tenant, account) REFERENCES accounts (tenant, account)
    );
INSERT INTO "events" VALUES('shop','acct_00000000000000000001',1,'{"tenant":"shop","account":"acct_00000000000000000001","seq":1,"event":{"event":"AccountBound","at":1795453200,"request":"lgn_00000000000000000000000001","account":"acct_00000000000000000001","tenant":"shop","login":"zSRvqKGl25BmDpdCZMFuuH9b7F8UC4QQhN6TMNcI2Mo","wallet":{"address":"rltc1qw508d6qejxtdg4y5r3zarvary0c5xw7k693xs3","public_key":"Anm-Zn753LusVaBilc6HCwcCm_zbLc4o2VnygVsW-BeY","signature_type":"ltc-msg-bip137"},"esim":"CAXh_h0E66h4Tqq_1vPRs-FqQjH0Sl4T7ev90iBMzEQ","recovery":"swUkr0dLzFknCzb6iJx_YKpjin0UobraijHRFYqBUzU","device":"AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE","device_key":"BHzyexiNA09-ilI4AwS1GsPAiWnid_IbNaYLSPxHZpl4B3dVENuO0EApPZrGn3Qw27p9reY86YIpngS3nSJ4c9E"},"evidence":{"statement":"shop.example wants you to REMOVE A PHONE with your Litecoin account:\nrltc1qw508d6qejxtdg4y5r3zarvary0c5xw7k693xs3\n\nRemove the phone acoustic stage vibrant equip from your account at shop.example. It can never be added again.\n\nURI: https://shop.example/.well-known/pteri/v1/revoke\nVersion: 1\nChain ID: bip122:530827f38f93b43ed12af0b3ad25a288\nNonce: 00000000000000000000000000000001\nIssued At: 2026-11-23T17:00:00Z\nExpiration Time: 2026-11-23T17:05:00Z\nRequest ID: lgn_00000000000000000000000001\nResources:\n- pteri:account:acct_00000000000000000001\n- pteri:device:AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE\n- pteri:epoch:1\n- pteri:target:AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE","signed":{"method":"POST","target_uri":"https://shop.example/v1/challenges/lgn_00000000000000000000000001/response","body":"eyJ3YWxsZXRfc2lnbmF0dXJlIjoiLi4uIn0=","content_digest":"sha-256=:...:","idempotency_key":"idem_00000000000000000001","signature_input":"sig=(...)","signature":"sig=:...:"},"circumstances":{"at":1795453200,"line":"UNKNOWN","line_checked_at":null},"rules":"FuBouYSCl5GxbUnPwZ6AeLMfcwdimho7ZkKWUnDYKMU","decision":{"decision":"permit","reason":"BOTH_KEYS","level":2}}}');
INSERT INTO "events" VALUES('shop','acct_00000000000000000003',1,'{"tenant":"shop","account":"acct_00000000000000000003","seq":1,"event":{"event":"AccountBound","at":1795453200,"request":"lgn_00000000000000000000000003","account":"acct_00000000000000000003","tenant":"shop","login":"rstQlCnJ0lgeqmC1pQZiNeNuSt3sEIGgo-TZOY3-wgA","wallet":{"address":"rltc1q0ht9tyks4vh7p5p904t340cr9nvahy7u8ppfev","public_key":"AvkwigGSWMMQSTRPhfidUim1MchFg2-ZsIYB8RO84Db5","signature_type":"ltc-msg-bip137"},"esim":"crJkgVPZz-jrkq0Mx28PxRc016GC42KiztmQBAsRiFc","recovery":"swUkr0dLzFknCzb6iJx_YKpjin0UobraijHRFYqBUzU","device":"BcYkeRReg8Py6HmUFJw6240ruOKnvInXb5rRtK6Z9xQ","device_key":"BOJTSjUy0I-7oC3eZZ7mK9ADH-LbeFWW71CTAkRrAwhS4PFXWkxjPMcZ3-5f2oYtdk78lsPzDuAFXELCPxhO2MY"},"evidence":{"statement":"shop.example wants you to REMOVE A PHONE with your Litecoin account:\nrltc1q0ht9tyks4vh7p5p904t340cr9nvahy7u8ppfev\n\nRemove the phone alarm couple bundle chunk from your account at shop.example. It can never be added again.\n\nURI: https://shop.example/.well-known/pteri/v1/revoke\nVersion: 1\nChain ID: bip122:530827f38f93b43ed12af0b3ad25a288\nNonce: 00000000000000000000000000000001\nIssued At: 2026-11-23T17:00:00Z\nExpiration Time: 2026-11-23T17:05:00Z\nRequest ID: lgn_00000000000000000000000001\nResources:\n- pteri:account:acct_00000000000000000003\n- pteri:device:BcYkeRReg8Py6HmUFJw6240ruOKnvInXb5rRtK6Z9xQ\n- pteri:epoch:1\n- pteri:target:BcYkeRReg8Py6HmUFJw6240ruOKnvInXb5rRtK6Z9xQ","signed":{"method":"POST","target_uri":"https://shop.example/v1/challenges/lgn_00000000000000000000000001/response","body":"eyJ3YWxsZXRfc2lnbmF0dXJlIjoiLi4uIn0=","content_digest":"sha-256=:...:","idempotency_key":"idem_00000000000000000001","signature_input":"sig=(...)","signature":"sig=:...:"},"circumstances":{"at":1795453200,"line":"UNKNOWN","line_checked_at":null},"rules":"FuBouYSCl5GxbUnPwZ6AeLMfcwdimho7ZkKWUnDYKMU","decision":{"decision":"permit","reason":"BOTH_KEYS","level":2}}}');
INSERT INTO "events" VALUES('bank','acct_00000000000000000001',1,'{"tenant":"bank","account":"acct_00000000000000000001","seq":1,"event":{"event":"AccountBound","at":1795453200,"request":"lgn_00000000000000000000000001","account":"acct_00000000000000000001","tenant":"bank","login":"zSRvqKGl25BmDpdCZMFuuH9b7F8UC4QQhN6TMNcI2Mo","wallet":{"address":"rltc1qw508d6qejxtdg4y5r3zarvary0c5xw7k693xs3","public_key":"Anm-Zn753LusVaBilc6HCwcCm_zbLc4o2VnygVsW-BeY","signature_type":"ltc-msg-bip137"},"esim":"CAXh_h0E66h4Tqq_1vPRs-FqQjH0Sl4T7ev90iBMzEQ","recovery":"swUkr0dLzFknCzb6iJx_YKpjin0UobraijHRFYqBUzU","device":"AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE","device_key":"BHzyexiNA09-ilI4AwS1GsPAiWnid_IbNaYLSPxHZpl4B3dVENuO0EApPZrGn3Qw27p9reY86YIpngS3nSJ4c9E"},"evidence":{"statement":"shop.example wants you to REMOVE A PHONE with your Litecoin account:\nrltc1qw508d6qejxtdg4y5r3zarvary0c5xw7k693xs3\n\nRemove the phone acoustic stage vibrant equip from your account at shop.example. It can never be added again.\n\nURI: https://shop.example/.well-known/pteri/v1/revoke\nVersion: 1\nChain ID: bip122:530827f38f93b43ed12af0b3ad25a288\nNonce: 00000000000000000000000000000001\nIssued At: 2026-11-23T17:00:00Z\nExpiration Time: 2026-11-23T17:05:00Z\nRequest ID: lgn_00000000000000000000000001\nResources:\n- pteri:account:acct_00000000000000000001\n- pteri:device:AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE\n- pteri:epoch:1\n- pteri:target:AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE","signed":{"method":"POST","target_uri":"https://shop.example/v1/challenges/lgn_00000000000000000000000001/response","body":"eyJ3YWxsZXRfc2lnbmF0dXJlIjoiLi4uIn0=","content_digest":"sha-256=:...:","idempotency_key":"idem_00000000000000000001","signature_input":"sig=(...)","signature":"sig=:...:"},"circumstances":{"at":1795453200,"line":"UNKNOWN","line_checked_at":null},"rules":"FuBouYSCl5GxbUnPwZ6AeLMfcwdimho7ZkKWUnDYKMU","decision":{"decision":"permit","reason":"BOTH_KEYS","level":2}}}');
INSERT INTO "events" VALUES('shop','acct_00000000000000000001',2,'{"tenant":"shop","account":"acct_00000000000000000001","seq":2,"event":{"event":"SignedIn","at":1795453201,"request":"lgn_00000000000000000000000001","device":"AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE"},"evidence":{"statement":"shop.example wants you to REMOVE A PHONE with your Litecoin account:\nrltc1qw508d6qejxtdg4y5r3zarvary0c5xw7k693xs3\n\nRemove the phone acoustic stage vibrant equip from your account at shop.example. It can never be added again.\n\nURI: https://shop.example/.well-known/pteri/v1/revoke\nVersion: 1\nChain ID: bip122:530827f38f93b43ed12af0b3ad25a288\nNonce: 00000000000000000000000000000002\nIssued At: 2026-11-23T17:00:00Z\nExpiration Time: 2026-11-23T17:05:00Z\nRequest ID: lgn_00000000000000000000000002\nResources:\n- pteri:account:acct_00000000000000000001\n- pteri:device:AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE\n- pteri:epoch:1\n- pteri:target:AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE","signed":{"method":"POST","target_uri":"https://shop.example/v1/challenges/lgn_00000000000000000000000002/response","body":"eyJ3YWxsZXRfc2lnbmF0dXJlIjoiLi4uIn0=","content_digest":"sha-256=:...:","idempotency_key":"idem_00000000000000000002","signature_input":"sig=(...)","signature":"sig=:...:"},"circumstances":{"at":1795453200,"line":"UNKNOWN","line_checked_at":null},"rules":"FuBouYSCl5GxbUnPwZ6AeLMfcwdimho7ZkKWUnDYKMU","decision":{"decision":"permit","reason":"BOTH_KEYS","level":2}}}');
INSERT INTO "events" VALUES('shop','acct_00000000000000000001',3,'{"tenant":"shop","account":"acct_00000000000000000001","seq":3,"event":{"event":"MigrationApproved","at":1795453200,"request":"lgn_00000000000000000000000001","by":"AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE","new_device":"B3zQUJfL8WPQJT3fRc_9F85aNjqoqRkk-HMzwyAp7WU","new_key":"BF7L5NGmMwpEyPfvlR1L8WXmxrch762phftBZhvG5_1shzRkDEmY_343SwbOGmSi7NgqsDY4T7g9mnmxJ6J9UDI","approval":"netluHiPQf-UoheEIBfbL4Q5VPwOtGEQg1kDkI5aJl8","revoke_old":true,"held_until":1795456800,"expires_at":1795543200},"evidence":{"statement":"shop.example wants you to REMOVE A PHONE with your Litecoin account:\nrltc1qw508d6qejxtdg4y5r3zarvary0c5xw7k693xs3\n\nRemove the phone acoustic stage vibrant equip from your account at shop.example. It can never be added again.\n\nURI: https://shop.example/.well-known/pteri/v1/revoke\nVersion: 1\nChain ID: bip122:530827f38f93b43ed12af0b3ad25a288\nNonce: 00000000000000000000000000000003\nIssued At: 2026-11-23T17:00:00Z\nExpiration Time: 2026-11-23T17:05:00Z\nRequest ID: lgn_00000000000000000000000003\nResources:\n- pteri:account:acct_00000000000000000001\n- pteri:device:AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE\n- pteri:epoch:1\n- pteri:target:AhqHzaYXA5MzmDCrsseUsVBGKyfhDhvekx0THjH_xIE","signed":{"method":"POST","target_uri":"https://shop.example/v1/challenges/lgn_00000000000000000000000003/response","body":"eyJ3YWxsZXRfc2lnbmF0dXJlIjoiLi4uIn0=","content_digest":"sha-256=:...:","idempotency_key":"idem_00000000000000000003","signature_input":"sig=(...)","signature":"sig=:...:"},"circumstances":{"at":1795453200,"line":"UNKNOWN","line_checked_at":null},"rules":"FuBouYSCl5GxbUnPwZ6AeLMfcwdimho7ZkKWUnDYKMU","decision":{"decision":"permit","reason":"BOTH_KEYS","level":2}}}');
INSERT INTO "events" VALUES('shop','acct_00000000000000000003',2,'{"tenant":"shop","account":"acct_00000000000000000003","seq":2,"event":{"event":"DeviceRevoked","at":1795453200,"request":"lgn_00000000000000000000000003","device":"BcYkeRReg8Py6HmUFJw6240ruOKnvInXb5rRtK6Z9xQ","by":"BcYkeRReg8Py6HmUFJw6240ruOKnvInXb5rRtK6Z9xQ"},"evidence":{"statement":"shop.example wants you to REMOVE A PHONE with your Litecoin account:\nrltc1q0ht9tyks4vh7p5p904t340cr9nvahy7u8ppfev\n\nRemove the phone alarm couple bundle chunk from your account at shop.example. It can never be added again.\n\nURI: https://shop.example/.well-known/pteri/v1/revoke\nVersion: 1\nChain ID: bip122:530827f38f93b43ed12af0b3ad25a288\nNonce: 00000000000000000000000000000002\nIssued At: 2026-11-23T17:00:00Z\nExpiration Time: 2026-11-23T17:05:00Z\nRequest ID: lgn_00000000000000000000000002\nResources:\n- pteri:account:acct_00000000000000000003\n- pteri:device:BcYkeRReg8Py6HmUFJw6240ruOKnvInXb5rRtK6Z9xQ\n- pteri:epoch:2\n- pteri:target:BcYkeRReg8Py6HmUFJw6240ruOKnvInXb5rRtK6Z9xQ","signed":{"method":"POST","target_uri":"https://shop.example/v1/challenges/lgn_00000000000000000000000002/response","body":"eyJ3YWxsZXRfc2lnbmF0dXJlIjoiLi4uIn0=","content_digest":"sha-256=:...:","idempotency_key":"idem_00000000000000000002","signature_input":"sig=(...)","signature":"sig=:...:"},"circumstances":{"at":1795453200,"line":"UNKNOWN","line_checked_at":null},"rules":"FuBouYSCl5GxbUnPwZ6AeLMfcwdimho7ZkKWUnDYKMU","decision":{"decision":"permit","reason":"BOTH_KEYS","level":2}}}');
CREATE TABLE log (
        position BIGINT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        seq BIGINT NOT NULL,
        UNIQUE (tenant, account, seq),
        FOREIGN KEY (tenant, account, seq) REFERENCES events (tenant, account, seq)
    ) WITHOUT ROWID
    ;
INSERT INTO "log" VALUES(0,'bank','acct_00000000000000000001',1);
INSERT INTO "log" VALUES(1,'shop','acct_00000000000000000001',1);
INSERT INTO "log" VALUES(2,'shop','acct_00000000000000000001',2);
CREATE TABLE notices (
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        id TEXT NOT NULL,
        at BIGINT NOT NULL,
        payload TEXT NOT NULL,
        PRIMARY KEY (tenant, account, id)
    );
INSERT INTO "notices" VALUES('shop','acct_00000000000000000001','notice-1',1795453200,'{"id":"notice-1","tenant":"shop","account":"acct_00000000000000000001","at":1795453200,"kind":"MIGRATION_APPROVED","phone":"four words","until":null}');
CREATE TABLE pins (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "pins" VALUES('deployment key','mark');
CREATE TABLE schema_versions (version BIGINT NOT NULL PRIMARY KEY);
INSERT INTO "schema_versions" VALUES(1);
CREATE TABLE spent (tenant TEXT NOT NULL, nonce TEXT NOT NULL, PRIMARY KEY (tenant, nonce)) WITHOUT ROWID;
INSERT INTO "spent" VALUES('shop','00000000000000000000000000000001');
INSERT INTO "spent" VALUES('shop','00000000000000000000000000000003');
CREATE TABLE unsequenced (
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        seq BIGINT NOT NULL,
        PRIMARY KEY (tenant, account, seq),
        FOREIGN KEY (tenant, account, seq) REFERENCES events (tenant, account, seq)
    ) WITHOUT ROWID
    ;
INSERT INTO "unsequenced" VALUES('shop','acct_00000000000000000001',3);
INSERT INTO "unsequenced" VALUES('shop','acct_00000000000000000003',1);
INSERT INTO "unsequenced" VALUES('shop','acct_00000000000000000003',2);
CREATE INDEX challenges_waiting ON challenges (tenant, account, issued_at) WHERE waits = 1;
CREATE INDEX challenges_by_end ON challenges (expires_at);
CREATE INDEX answers_by_age ON answers (at);
CREATE INDEX counters_by_end ON counters (ends_at);
CREATE INDEX notices_by_age ON notices (tenant, account, at);
COMMIT;
